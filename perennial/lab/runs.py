"""Trains every variant of an experiment once for each seed."""

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np

from perennial.lab.arms import Arm, Job
from perennial.lab.fresh_head import train_with_fresh_head
from perennial.lab.images import LabImages, Pair, cut_off, first_of_each
from perennial.lab.outcomes import ArmRuns, Measured, Outcome
from perennial.lab.seeds import Right
from vision.artifact import Artifact
from vision.augmentation import augmented
from vision.errors import TrainingDivergedError
from vision.evaluation import evaluate_logits
from vision.image_set import LabelRecorder, PreparedImages
from vision.network import Classifier
from vision.strategies import check_strategy, count_trained
from vision.timing import milliseconds_an_image
from vision.training import Epoch
from vision.transfer import transfer


class Listener(Protocol):
    """Who is told how far an experiment is."""

    def on_run(self, what: str, done: int, total: int) -> None:
        """Hear that `done` of `total` trainings are over, and which one begins."""

    def on_batch(self, done: int, total: int) -> None:
        """Hear that `done` of `total` steps of a phase of the training at hand are made."""


def measure(
    arms: Sequence[Arm], images: LabImages, seeds: Sequence[int], device: str, listener: Listener
) -> Measured:
    """Train and test every variant with every seed.

    All variants of one seed get the same cut, and come one after another: what slows the machine down for a
    while slows all of them.

    Raises:
        VisionError: A variant's settings, weights or images can't be used; a diverging loss is an outcome.
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
            job = Job(arm, settings, images, fewer, validation, device, epochs.append, listener.on_batch)
            outcomes[arm.name].append(_outcome(job, epochs))
            num_done += 1
    listener.on_run("done", num_done, num_done)
    return Measured(images, tuple(ArmRuns(arm, tuple(outcomes[arm.name])) for arm in arms), tuple(seeds))


def _outcome(job: Job, epochs: list[Epoch]) -> Outcome:
    begun = time.monotonic()
    train = train_with_fresh_head if job.arm.has_fresh_head else _transferred
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


def _transferred(job: Job) -> Artifact:
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


def _right(classifier: Classifier, artifact: Artifact, pairs: Sequence[Pair], job: Job) -> Right:
    plain = augmented(artifact.preprocessing, "none")
    images = LabelRecorder(PreparedImages(pairs, plain, job.settings.limits))
    logits, _ = evaluate_logits(classifier, images, device=job.device)
    found: Right = logits.argmax(dim=1).numpy() == np.array(images.labels)
    return found
