"""Trains by a strategy with adaptations: each one changes what happens before or during the training."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from math import ceil

from torch import Tensor

from vision.adaptation.adversarial import RATE_FACTOR, DomainAdversary
from vision.adaptation.augmentation import NUM_VIEWS, DomainAugmentation, Views
from vision.adaptation.batch_norm import reestimate_statistics
from vision.adaptation.self_supervised import SETTINGS, num_pretraining_steps, pretrain
from vision.adaptation.table import AdaptationName
from vision.augmentation import Level, Variation, augmented
from vision.batches import LabelledTensors, into_batches, load
from vision.decoding import ImageLimits
from vision.image_set import ImageSource, PreparedImages
from vision.preprocessing import Preprocessing
from vision.training.strategies import FINE_TUNE, FROM_SCRATCH, Run, Strategy, run_strategy
from vision.training.training import TrainingResult

_BATCH_SIZE = 32
# Gradual fine-tuning: all layers train, at a rate that starts very small and rises over much of the run. The
# first steps come from few pictures and a head that hardly knows the features, and at a full rate they would
# spoil what pretraining learnt. No early stop cuts off the rise, during which little happens.
# Source: Howard and Ruder, "Universal Language Model Fine-tuning for Text Classification", ACL 2018, part
# 3.2, and Goyal et al., "Accurate, Large Minibatch SGD", 2017, section 2.2; the rise is longer than in both.
_WARM_UP_FIELDS = {"schedule": "warm_up", "patience": None}


@dataclass(frozen=True, slots=True)
class Pictures:
    """The encoded pictures of a transfer, and how they become tensors.

    Attributes:
        training: Of the source domain, with their class.
        validation: Likewise.
        unlabelled: Of the target domain; their labels are not read.
        preprocessing: That of serving.
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
        """Return the tensors of a set: variants, or the pictures as they are served."""
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

    Adaptations that change the features without labels come before the strategy, since a head fits only the
    features that it was trained on. First comes self-supervised pre-training, then batch normalisation, whose
    statistics stay from then on. `docs/measurements/adaptation.md` compares that with re-estimating them
    afterwards.
    """
    if "self_supervised" in adaptations:
        _pretrain(run, pictures)
    if "batch_norm" in adaptations:
        reestimate_statistics(run.classifier, _batches(pictures.prepared(pictures.unlabelled), run))
        run = replace(run, overrides={**run.overrides, "keeps_statistics": True})
    if "augmentation" in adaptations:
        run = _with_variants(run, pictures)
    if "warm_up" in adaptations:
        run = replace(run, overrides={**_WARM_UP_FIELDS, **run.overrides})
    if "adversarial" in adaptations:
        with _adversary(run, pictures, is_pretrained=is_pretrained) as penalised_run:
            return run_strategy(strategy, penalised_run, is_pretrained=is_pretrained)
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
        steps.append(len(into_batches(range(num_unlabelled), _BATCH_SIZE, merge_single=True)))
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
    # Choices are made on variants too: on plain pictures, a classifier that ignores the shift would win.
    return replace(
        run,
        training=pictures.prepared(pictures.training, pictures.varied()),
        plain_training=pictures.views(pictures.training),
        validation=pictures.views(pictures.validation),
        num_views=num_views_of(("augmentation",)),
    )


@contextmanager
def _adversary(run: Run, pictures: Pictures, *, is_pretrained: bool) -> Iterator[Run]:
    # The last epoch is kept: validation images are of the source, and would choose the least adapted one.
    # The rate falls as the reversed gradient grows, as in the paper; else the last steps spoil the features.
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
    with adversary.recording_embeddings():
        yield replace(run, overrides=overrides, penalty=adversary, penalty_groups=(group,))


def _batches(images: LabelledTensors, run: Run) -> Iterator[Tensor]:
    batches = into_batches(range(len(images)), _BATCH_SIZE, merge_single=True)
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
