"""How many steps each phase of a strategy takes, before the first one is made."""

from typing import Any

from vision.batches import EVALUATION_BATCH, cut
from vision.strategies import Strategy, fine_tune_settings


def planned_steps(
    strategy: Strategy,
    num_images: tuple[int, int],
    overrides: dict[str, Any],
    *,
    is_pretrained: bool,
    num_members: int = 1,
    num_views: int = 1,
) -> list[int]:
    """Return the steps of each phase, in their order, at most: a phase may stop early.

    Args:
        strategy: What is run.
        num_images: To train and to validate on.
        overrides: Fields of TrainingSettings that the caller fixed.
        is_pretrained: Whether the network starts from pretrained weights.
        num_members: Of the ensemble; the members of a linear probe share its phases.
        num_views: Of each image that the head is solved on.
    """
    embedding = [len(cut(range(num * num_views), EVALUATION_BATCH)) for num in num_images]
    if strategy == "linear_probe":
        return embedding
    settings = fine_tune_settings(strategy, overrides, is_pretrained=is_pretrained)
    num_batches = len(cut(range(num_images[0]), settings.batch_size, merge_single=True))
    fine_tuning = [num_batches * settings.epochs] * (2 if strategy == "gradual" else 1)
    has_head_start = is_pretrained or strategy != "full"
    return [*(embedding if has_head_start else []), *fine_tuning] * num_members
