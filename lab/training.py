"""Trains every variant of an experiment once for each seed."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import torch

from lab.images import LabImages, Pair, cut_off, first_of_each
from lab.outcomes import Arm, ArmRuns, Measured, Outcome, Part
from lab.seeds import Right
from vision.artifact import Artifact
from vision.augmentation import augmented
from vision.errors import TrainingDivergedError
from vision.evaluation import evaluate_logits
from vision.image_set import LabelRecorder, PreparedImages
from vision.network import Classifier, build_classifier
from vision.preprocessing import preprocessing_for
from vision.timing import milliseconds_an_image
from vision.training.strategies import Strategy, check_strategy, count_trained, numbered, parameters_of
from vision.training.training import Epoch, TrainingSettings, fit
from vision.transfer import transfer
from vision.transfer_settings import TransferSettings

# Of trainings with a fresh head, where their settings leave it open.
_LEARNING_RATE = 1e-3
_BATCH_SIZE = 32
_EPOCHS = 10
_MOMENTUM = 0.9
# AdamW keeps its decay apart from its steps, so that its usual one is larger.
_DECAY = {"sgd": 1e-4, "adam": 1e-4, "adamw": 1e-2}
_STRATEGIES: dict[Part, Strategy] = {"head": "linear_probe", "last block": "partial", "everything": "full"}


class TrainingListener(Protocol):
    """Is notified of how far the trainings of an experiment are."""

    def on_run(self, name: str, done: int, total: int) -> None:
        """Note that `done` of `total` trainings are over, and which one begins."""

    def on_batch(self, done: int, total: int) -> None:
        """Note that `done` of `total` steps of the current training's phase are made."""


@dataclass(frozen=True, slots=True)
class _Job:
    """One training: a variant, its images and where it runs."""

    arm: Arm
    settings: TransferSettings
    images: LabImages
    training: list[Pair]
    validation: list[Pair]
    device: str
    on_epoch: Callable[[Epoch], None]
    on_batch: Callable[[int, int], None]


def measure(
    arms: Sequence[Arm], images: LabImages, seeds: Sequence[int], device: str, listener: TrainingListener
) -> Measured:
    """Train and test every variant with every seed.

    All variants of one seed get the same cut. They run one after another, so that whatever slows the machine
    down for a while slows all of them.

    Raises:
        VisionError: A variant's settings, weights or images can't be used. A diverging loss raises nothing:
            it is an outcome.
    """
    outcomes: dict[str, list[Outcome]] = {arm.name: [] for arm in arms}
    num_done = 0
    for number, seed in enumerate(seeds, start=1):
        training, validation = cut_off(images.training, seed)
        for arm in arms:
            listener.on_run(f"{arm.name}, seed {number} of {len(seeds)}", num_done, len(arms) * len(seeds))
            fewer = training if arm.num_per_class is None else first_of_each(training, arm.num_per_class)
            epochs: list[Epoch] = []
            settings = replace(arm.settings, seed=seed)
            job = _Job(arm, settings, images, fewer, validation, device, epochs.append, listener.on_batch)
            outcomes[arm.name].append(_outcome(job, epochs))
            num_done += 1
    listener.on_run("done", num_done, num_done)
    return Measured(images, tuple(ArmRuns(arm, tuple(outcomes[arm.name])) for arm in arms), tuple(seeds))


def _outcome(job: _Job, epochs: list[Epoch]) -> Outcome:
    begun = time.monotonic()
    train = _train_with_fresh_head if job.arm.phases else _transfer
    try:
        artifact = train(job)
    except TrainingDivergedError as error:
        return Outcome(job.settings.seed, tuple(epochs), time.monotonic() - begun, diverged=str(error))
    seconds = time.monotonic() - begun
    classifier = artifact.build(job.device)
    [milliseconds] = milliseconds_an_image([classifier], artifact.preprocessing.image_size, 1, job.device)
    phases, own = job.arm.phases, job.settings.strategy
    strategy = _STRATEGIES[phases[-1]] if phases else check_strategy(own)
    return Outcome(
        seed=job.settings.seed,
        epochs=tuple(epochs),
        seconds=seconds,
        right={name: _right(classifier, artifact, pairs, job) for name, pairs in job.images.tests.items()},
        training_accuracy=float(_right(classifier, artifact, job.training, job).mean()),
        num_trained=count_trained(strategy, classifier),
        milliseconds=milliseconds,
    )


def _transfer(job: _Job) -> Artifact:
    result = transfer(
        job.training,
        job.validation,
        job.images.class_names,
        job.settings,
        unlabelled=job.images.unlabelled,
        device=job.device,
        on_epoch=job.on_epoch,
        on_batch=job.on_batch,
    )
    return result.artifact


def _train_with_fresh_head(job: _Job) -> Artifact:
    """Train part after part under a random head at a constant rate; keep the best epoch of the last part."""
    settings = job.settings
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        classifier = build_classifier(settings.backbone, len(job.images.class_names), settings.weights)
    preprocessing = preprocessing_for(settings.backbone, settings.image_size)
    training, validation = (
        PreparedImages(pairs, augmented(preprocessing, level, settings.seed), settings.limits)
        for pairs, level in ((job.training, settings.augmentation), (job.validation, "none"))
    )
    epochs = max(1, (settings.epochs or _EPOCHS) // len(job.arm.phases))
    for number, part in enumerate(job.arm.phases):
        result = fit(
            classifier,
            training,
            validation,
            replace(_step_settings(settings), epochs=epochs, keeps_best=part == job.arm.phases[-1]),
            parameters=parameters_of(classifier, _STRATEGIES[part]),
            device=job.device,
            on_epoch=numbered(job.on_epoch, number * epochs),
            on_batch=job.on_batch,
        )
    return Artifact(settings.backbone, job.images.class_names, preprocessing, result.state)


def _step_settings(settings: TransferSettings) -> TrainingSettings:
    optimizer = settings.optimizer or "sgd"
    return TrainingSettings(
        batch_size=settings.batch_size or _BATCH_SIZE,
        learning_rate=settings.learning_rate or _LEARNING_RATE,
        optimizer=optimizer,
        momentum=_MOMENTUM if settings.momentum is None else settings.momentum,
        weight_decay=_DECAY[optimizer],
        schedule="constant",
        seed=settings.seed,
        num_threads=settings.num_threads,
    )


def _right(classifier: Classifier, artifact: Artifact, pairs: Sequence[Pair], job: _Job) -> Right:
    plain = augmented(artifact.preprocessing, "none")
    images = LabelRecorder(PreparedImages(pairs, plain, job.settings.limits))
    logits, _ = evaluate_logits(classifier, images, device=job.device)
    right: Right = logits.argmax(dim=1).numpy() == np.array(images.labels)
    return right
