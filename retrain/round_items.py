"""A round's samples as items for training, validation and comparison on old images."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain

from retrain.dataset import Item, RoundSamples, items_of
from retrain.evidence.old_images import OldImages, Part
from retrain.gate.outcomes import AGREEMENT
from retrain.models import RoundModels

# Of rehearsed images, the share for validation; it is the same for samples.
_VALIDATION_SHARE = 0.15


@dataclass(frozen=True, slots=True)
class RoundItems:
    """The items of one round.

    Attributes:
        training: `num_new` new items, then replayed ones.
        validation: `num_new_validation` new items, then old ones.
        has_validation: Whether validation items are none of those to learn.
        memory: Old items to solve a head on.
        old: What must not be lost; for a champion without a golden set also images with its own answers.
        is_self_labelled: Some old items have the champion's own answers as their labels.
    """

    training: tuple[Item, ...]
    num_new: int
    validation: tuple[Item, ...]
    num_new_validation: int
    old: OldImages
    is_self_labelled: bool
    has_validation: bool = True
    memory: tuple[Item, ...] = ()

    def counts(self) -> dict[str, int]:
        """Return how many items there are of each kind."""
        return {
            "num_new": self.num_new,
            "num_replayed": len(self.training) - self.num_new,
            "num_validation": len(self.validation),
            "num_old_holdout": len(self.old.items) + len(self.old.agreement or ()),
        }


def gather_items(
    samples: RoundSamples,
    old: OldImages,
    logged: tuple[Sequence[str], Sequence[str]] | None,
    models: RoundModels,
) -> RoundItems:
    """Turn samples into items.

    A champion without a golden set, such as a starter, has few old samples or none. For it, images of the
    prediction log join them with the champion's own answers as labels: the candidate has to agree.

    Args:
        samples: Those of the round.
        old: What must not be lost.
        logged: Logged images to rehearse, and those held out; None for a champion with a golden set.
        models: The champion's answers.
    """
    names, num_to_replay = models.artifact.class_names, samples.num_to_replay
    new, validation = items_of(samples.new_training, names), items_of(samples.new_validation, names)
    replayed, old_validation = items_of(samples.replayed, names), items_of(samples.old_validation, names)
    if logged is not None:
        rehearsed, held_out = logged
        old = replace(old, agreement=Part(AGREEMENT, tuple(models.self_labelled(held_out))))
        # What earlier rounds learnt is little of what the champion knows, so half at least is of the log.
        num_rehearsed = max(num_to_replay - len(replayed), num_to_replay // 2)
        self_labelled = models.self_labelled(rehearsed[:num_rehearsed])
        replayed = [*replayed[: num_to_replay - len(self_labelled)], *self_labelled]
        num_validation = round(_VALIDATION_SHARE * num_to_replay)
        held_back = rehearsed[num_rehearsed:][:num_validation]
        old_validation = [*old_validation, *models.self_labelled(held_back)]
    return RoundItems(
        training=(*new, *replayed),
        num_new=len(new),
        # Where there is no validation sample at all, training samples stand in.
        validation=tuple(chain(validation, old_validation)) or tuple(new),
        num_new_validation=len(validation) if validation or old_validation else len(new),
        old=old,
        is_self_labelled=logged is not None,
        has_validation=bool(validation or old_validation),
        memory=tuple(items_of(samples.memory, names)),
    )
