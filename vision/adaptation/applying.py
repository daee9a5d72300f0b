"""A transfer with adaptations: what each does before, while and after its strategy trains."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from math import ceil

from torch import Tensor

from vision.adaptation import warm_up
from vision.adaptation.adversarial import RATE_FACTOR, DomainAdversary
from vision.adaptation.augmentation import NUM_VIEWS, DomainAugmentation, Views
from vision.adaptation.batch_norm import reestimate_statistics
from vision.adaptation.self_supervised import SETTINGS, num_pretraining_steps, pretrain
from vision.adaptation.table import AdaptationName
from vision.augmentation import Level, Variation, augmented
from vision.batches import LabelledTensors, cut, load
from vision.image_set import ImageSource, PreparedImages
from vision.preprocessing import ImageLimits, Preprocessing
from vision.strategies import FINE_TUNE, FROM_SCRATCH, Run, Strategy, run_strategy
from vision.training import TrainingResult

_BATCH_SIZE = 32


@dataclass(frozen=True, slots=True)
class Pictures:
    """The encoded pictures of a transfer, and how they become tensors.

    Attributes:
        training: Of the source domain, with their class.
        validation: Likewise.
        unlabelled: Of the target domain; their labels are not read.
        preprocessing: What is served with.
        level: Of the augmentation.
        seed: Decides the variants.
        limits: What one image may cost.
    """

    training: ImageSource
    validation: ImageSource
    unlabelled: ImageSource
    preprocessing: Preprocessing
    level: Level
    seed: int
    limits: ImageLimits

    def prepared(self, source: ImageSource, variation: Variation | None = None) -> PreparedImages:
        """Return the tensors of a set: variants, or what is served with."""
        plain = augmented(self.preprocessing, "none")
        return PreparedImages(source, plain if variation is None else variation, self.limits)

    def varied(self) -> DomainAugmentation:
        """Return the variants that simulate a shift."""
        return DomainAugmentation(augmented(self.preprocessing, self.level, self.seed), self.seed)

    def views(self, source: ImageSource) -> Views:
        """Return each picture plain and as several variants."""
        return Views(source, augmented(self.preprocessing, "none"), self.varied(), self.limits)


def run_adapted(
    adaptations: Sequence[AdaptationName],
    strategy: Strategy,
    run: Run,
    pictures: Pictures,
    *,
    is_pretrained: bool,
) -> TrainingResult:
    """Train by a strategy with adaptations; the classifier is left with the result's weights.

    What changes the features without labels comes before the strategy, since a head fits only the features
    that it was trained on: self-supervised pre-training, then the statistics of batch normalisation, which
    then stay (`docs/adaptation.md` compares that with re-estimating them under a finished head).
    """
    if "self_supervised" in adaptations:
        _pretrain(run, pictures)
    if "batch_norm" in adaptations:
        reestimate_statistics(run.classifier, _batches(pictures.prepared(pictures.unlabelled), run))
        run = replace(run, overrides={**run.overrides, "keeps_statistics": True})
    if "augmentation" in adaptations:
        run = _with_variants(run, pictures)
    if "warm_up" in adaptations:
        run = replace(run, overrides={**warm_up.fine_tuning_fields(), **run.overrides})
    if "adversarial" in adaptations:
        with _adversary(run, pictures, is_pretrained=is_pretrained) as opposed:
            return run_strategy(strategy, opposed, is_pretrained=is_pretrained)
    return run_strategy(strategy, run, is_pretrained=is_pretrained)


def num_views_of(adaptations: Sequence[AdaptationName]) -> int:
    """Return how many views of each image the head is solved on."""
    return 1 + NUM_VIEWS if "augmentation" in adaptations else 1


def adapted_steps(adaptations: Sequence[AdaptationName], num_training: int, num_unlabelled: int) -> list[int]:
    """Return the steps of each phase before the strategy's own."""
    steps = []
    if "self_supervised" in adaptations:
        steps.append(num_pretraining_steps(num_unlabelled + num_training))
    if "batch_norm" in adaptations:
        steps.append(len(cut(range(num_unlabelled), _BATCH_SIZE, merge_single=True)))
    return steps


def _pretrain(run: Run, pictures: Pictures) -> None:
    both = _Joined(pictures.unlabelled, pictures.training)
    same = {name: run.overrides[name] for name in ("seed", "num_threads")}
    pretrain(
        run.classifier,
        pictures.prepared(both, augmented(pictures.preprocessing, pictures.level, pictures.seed)),
        pictures.prepared(both),
        replace(SETTINGS, **same),
        device=run.device,
        on_batch=run.on_batch,
    )


def _with_variants(run: Run, pictures: Pictures) -> Run:
    # Choices are made on variants too: on plain pictures, whatever ignores the shift would look best.
    return replace(
        run,
        training=pictures.prepared(pictures.training, pictures.varied()),
        plain_training=pictures.views(pictures.training),
        validation=pictures.views(pictures.validation),
        num_views=num_views_of(("augmentation",)),
    )


@contextmanager
def _adversary(run: Run, pictures: Pictures, *, is_pretrained: bool) -> Iterator[Run]:
    # Validation is of the source, and would choose the epoch that was adapted least.
    # The rate falls as the reversed gradient grows, as in the paper; else the last steps tear features apart.
    overrides = {
        "schedule": "cosine",
        **run.overrides,
        "keeps_best": False,
        "patience": None,
    }
    settings = replace(FINE_TUNE if is_pretrained else FROM_SCRATCH, **overrides)
    target = pictures.prepared(
        pictures.unlabelled, augmented(pictures.preprocessing, pictures.level, pictures.seed)
    )
    num_steps = settings.epochs * ceil(len(run.training) / settings.batch_size)
    adversary = DomainAdversary(run.classifier, target, num_steps, settings.seed)
    group = {
        "params": list(adversary.domain_classifier.parameters()),
        "lr": settings.learning_rate * RATE_FACTOR,
    }
    with adversary.listening():
        yield replace(run, overrides=overrides, penalty=adversary, penalty_groups=(group,))


def _batches(images: LabelledTensors, run: Run) -> Iterator[Tensor]:
    batches = cut(range(len(images)), _BATCH_SIZE, merge_single=True)
    for number, (tensors, _) in enumerate(load(images, batches), start=1):
        yield tensors.to(run.device)
        if run.on_batch is not None:
            run.on_batch(number, len(batches))


class _Joined:
    """Two sets as one."""

    def __init__(self, first: ImageSource, second: ImageSource) -> None:
        self._first, self._second = first, second

    def __len__(self) -> int:
        return len(self._first) + len(self._second)

    def __getitem__(self, index: int) -> tuple[bytes, int]:
        num = len(self._first)
        return self._first[index] if index < num else self._second[index - num]
