"""Trains every variant of an experiment once for each seed."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import torch

from lab.images import LabImages, Pair, cut_off, first_of_each
from lab.outcomes import Arm, ArmRuns, Measured, Outcome
from lab.seeds import Right
from vision.artifact import Artifact
from vision.augmentation import augmented
from vision.errors import TrainingDivergedError
from vision.evaluation import evaluate_logits
from vision.image_set import LabelRecorder, PreparedImages
from vision.network import Classifier, build_classifier
from vision.preprocessing import preprocessing_for
from vision.timing import milliseconds_an_image
from vision.training.strategies import check_strategy, count_trained
from vision.training.training import Epoch, TrainingSettings, fit
from vision.transfer import transfer
from vision.transfer_settings import TransferSettings

# Of trainings with a fresh head, where their settings leave it open.
_LEARNING_RATE = 1e-3
_BATCH_SIZE = 32
_EPOCHS = 10


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
    train = _train_with_fresh_head if job.arm.has_fresh_head else _transfer
    try:
        artifact = train(job)
    except TrainingDivergedError as error:
        return Outcome(job.settings.seed, tuple(epochs), time.monotonic() - begun, diverged=str(error))
    seconds = time.monotonic() - begun
    classifier = artifact.build(job.device)
    [milliseconds] = milliseconds_an_image([classifier], artifact.preprocessing.image_size, 1, job.device)
    strategy = "full" if job.arm.has_fresh_head else check_strategy(job.settings.strategy)
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
    """Train all parameters from the first step on, by SGD with momentum 0.9 at a constant rate."""
    settings = job.settings
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        classifier = build_classifier(settings.backbone, len(job.images.class_names), settings.weights)
    preprocessing = preprocessing_for(settings.backbone, settings.image_size)
    plain = augmented(preprocessing, "none")
    varied = augmented(preprocessing, settings.augmentation, settings.seed)
    result = fit(
        classifier,
        PreparedImages(job.training, varied, settings.limits),
        PreparedImages(job.validation, plain, settings.limits),
        TrainingSettings(
            epochs=settings.epochs or _EPOCHS,
            batch_size=settings.batch_size or _BATCH_SIZE,
            learning_rate=settings.learning_rate or _LEARNING_RATE,
            weight_decay=1e-4,
            schedule="constant",
            seed=settings.seed,
            num_threads=settings.num_threads,
        ),
        device=job.device,
        on_epoch=job.on_epoch,
        on_batch=job.on_batch,
    )
    return Artifact(settings.backbone, job.images.class_names, preprocessing, result.state)


def _right(classifier: Classifier, artifact: Artifact, pairs: Sequence[Pair], job: _Job) -> Right:
    plain = augmented(artifact.preprocessing, "none")
    images = LabelRecorder(PreparedImages(pairs, plain, job.settings.limits))
    logits, _ = evaluate_logits(classifier, images, device=job.device)
    right: Right = logits.argmax(dim=1).numpy() == np.array(images.labels)
    return right
