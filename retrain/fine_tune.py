"""One training run that starts from the champion's weights."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from retrain.settings import FineTuneSettings
from vision.artifact import Artifact
from vision.batches import LabelledTensors
from vision.network import Classifier
from vision.training.training import Epoch, TrainingResult, TrainingSettings, fit


def fine_tune(
    champion: Artifact,
    student: Classifier,
    training: LabelledTensors,
    num_new: int,
    validation: LabelledTensors,
    settings: FineTuneSettings,
    *,
    on_epoch: Callable[[Epoch], None] | None = None,
    on_batch: Callable[[int, int], None] | None = None,
    on_piece: Callable[[], None] | None = None,
) -> TrainingResult:
    """Train all of the student's layers at a small rate that falls to 0.

    On replayed samples the candidate also imitates the champion's logits, which keeps more of the old than
    the labels alone do.

    Args:
        champion: The version in production.
        student: The network to train, on its device: the champion's, perhaps adapted to recent predictions.
        training: `num_new` new samples, then replayed ones.
        num_new: How many of them are new.
        validation: What the curves are measured on.
        settings: How to train.
        on_epoch: Called after each epoch; it may raise to stop, as the others may.
        on_batch: Called after each step with (steps done, steps in all).
        on_piece: Called after each piece of a step; it may rest.

    Source:
        Buzzega et al., "Dark Experience for General Continual Learning", NeurIPS 2020.
    """
    device = student.head.weight.device
    is_distilled = settings.distillation_weight > 0 and num_new < len(training)
    teacher = champion.build(device) if is_distilled else None
    return fit(
        student,
        training,
        validation,
        _training_settings(settings),
        device=device,
        on_epoch=on_epoch,
        on_batch=on_batch,
        on_piece=on_piece,
        penalty=None
        if teacher is None
        else distillation(teacher, num_new, len(training), settings.distillation_weight),
    )


def _training_settings(settings: FineTuneSettings) -> TrainingSettings:
    return TrainingSettings(
        epochs=settings.epochs,
        batch_size=settings.batch_size,
        learning_rate=settings.learning_rate,
        optimizer=settings.optimizer,
        weight_decay=settings.weight_decay,
        schedule="cosine",
        # Validation holds far more old samples than new, so its best epoch is the one that learnt least.
        # Interpolation decides afterwards how far to go.
        keeps_best=False,
        # Statistics of a batch that mixes old and new fit neither, and would move every old answer.
        keeps_statistics=True,
        in_pieces=True,
        seed=settings.seed,
        num_threads=settings.num_threads,
        precision=settings.precision,
    )


def distillation(
    teacher: Classifier, num_new: int, num_all: int, weight: float
) -> Callable[[Tensor, Tensor, Sequence[int]], Tensor]:
    """Return the penalty: `weight` times the mean squared distance to the teacher's logits.

    Only the replayed samples count, those from index `num_new` on. Each counts as much in whatever batch it
    comes: over an epoch the penalty is the mean over all of them, and each call returns its batch's share.
    """
    share_old = (num_all - num_new) / num_all

    def penalty(images: Tensor, logits: Tensor, indices: Sequence[int]) -> Tensor:
        is_old = torch.tensor([index >= num_new for index in indices], device=images.device)
        if not is_old.any():
            return logits.new_zeros(())
        with torch.no_grad():
            teacher_logits = teacher(images[is_old]).float()
        # Classes that the teacher does not know stand after its own.
        known = logits[is_old, : teacher_logits.shape[1]]
        distances = (known - teacher_logits).square().mean(dim=1)
        share: Tensor = weight * distances.sum() / (share_old * len(images))
        return share

    return penalty
