"""One training run that starts from the champion's weights."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from retrain.settings import FineTuneSettings
from vision.artifact import Artifact
from vision.batches import LabelledTensors
from vision.network import Classifier
from vision.training import Epoch, TrainingResult, TrainingSettings, fit


@dataclass(frozen=True, slots=True)
class Lesson:
    """What is learnt: `num_new` new samples followed by replayed ones, and what the epoch is chosen on."""

    training: LabelledTensors
    num_new: int
    validation: LabelledTensors


@dataclass(frozen=True, slots=True)
class Listeners:
    """Who is told of an epoch's end, of each step as (done, total), and of each piece of a step.

    All may raise to stop.
    """

    on_epoch: Callable[[Epoch], None]
    on_batch: Callable[[int, int], None]
    on_piece: Callable[[], None] | None = None


def fine_tune(
    champion: Artifact,
    student: Classifier,
    lesson: Lesson,
    settings: FineTuneSettings,
    listeners: Listeners,
) -> TrainingResult:
    """Train all of the student's layers at a small rate that falls to 0, so that the last steps settle.

    The student is the champion's network, on its device, perhaps adapted to what production has seen of late.

    On replayed samples the candidate is also held to the champion's logits, which keeps more of the old
    than their labels alone.

    Source:
        Buzzega et al., "Dark Experience for General Continual Learning", NeurIPS 2020.
    """
    device = student.head.weight.device
    is_distilled = settings.distillation_weight > 0 and lesson.num_new < len(lesson.training)
    teacher = champion.build(device) if is_distilled else None
    return fit(
        student,
        lesson.training,
        lesson.validation,
        TrainingSettings(
            epochs=settings.epochs,
            batch_size=settings.batch_size,
            learning_rate=settings.learning_rate,
            optimizer=settings.optimizer,
            weight_decay=settings.weight_decay,
            schedule="cosine",
            # Validation holds far more old samples than new: its best epoch is the one that learnt least.
            # How far to go is decided afterwards, by interpolation.
            keeps_best=False,
            # Statistics of a batch that mixes old and new fit neither, and would move every old answer.
            keeps_statistics=True,
            in_pieces=True,
            seed=settings.seed,
            num_threads=settings.num_threads,
            precision=settings.precision,
        ),
        device=device,
        on_epoch=listeners.on_epoch,
        on_batch=listeners.on_batch,
        on_piece=listeners.on_piece,
        penalty=None
        if teacher is None
        else distillation(teacher, lesson.num_new, len(lesson.training), settings.distillation_weight),
    )


def distillation(
    teacher: Classifier, num_new: int, num_all: int, weight: float
) -> Callable[[Tensor, Tensor, Sequence[int]], Tensor]:
    """Return the penalty: `weight` times the mean squared distance to the teacher's logits.

    Only samples from index `num_new` on, the replayed ones, are held to it, each as much in whatever batch it
    comes: it is their mean over an epoch, and each call's share of it.
    """
    share_old = (num_all - num_new) / num_all

    def penalty(images: Tensor, logits: Tensor, indices: Sequence[int]) -> Tensor:
        is_old = torch.tensor([index >= num_new for index in indices], device=images.device)
        if not is_old.any():
            return logits.new_zeros(())
        with torch.no_grad():
            remembered = teacher(images[is_old]).float()
        distances = (logits[is_old] - remembered).square().mean(dim=1)
        held: Tensor = weight * distances.sum() / (share_old * len(images))
        return held

    return penalty
