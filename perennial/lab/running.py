"""Runs one experiment, from the images to a report."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from perennial.lab.catalogue import EXERCISES
from perennial.lab.exercise import Exercise, Setup
from perennial.lab.images import LabImages, Reading, digit_images, folder_images
from perennial.lab.questions import QUESTIONS
from perennial.lab.report import Report
from perennial.lab.runs import Listener, measure
from perennial.lab.starts import Start, find_own_start, find_start
from perennial.settings import Settings
from perennial.source_training import named_weights
from vision.device import resolve_device
from vision.network import Weights
from vision.preprocessing import preprocessing_for
from vision.transfer import TransferSettings


@dataclass(frozen=True, slots=True)
class Request:
    """What `perennial lab` was asked for.

    Attributes:
        name: The experiment's.
        place: The images; None takes digits that come with the installation.
        backbone: The network, where the experiment takes one.
        weights: "default", "bundled", "none" or a file.
        image_size: Side of the network's input in pixels; None takes the lab's own.
        seeds: Trainings of each variant.
        epochs: Passes over the training images; None takes the experiment's own number.
        max_images: Of the training and the test part together.
    """

    name: str
    place: Path | None = None
    backbone: str = "resnet18"
    weights: str = "default"
    image_size: int | None = None
    seeds: int = 3
    epochs: int | None = None
    max_images: int = 1000


class LabListener(Listener, Protocol):
    """Who is told how far it is, reading the images included."""

    def on_read(self, what: str, done: int, total: int) -> None:
        """Hear that `done` of `total` images went through one stage."""


def run_exercise(request: Request, settings: Settings, listener: LabListener) -> Report:
    """Run an experiment and return what to tell of it. Nothing of it enters the store.

    Raises:
        SourceError: The images can't be used.
        VisionError: The network, the weights or the size can't be.
        SettingsError: The weights are no file.
    """
    begun = time.monotonic()
    exercise = EXERCISES[request.name]
    starts = _starts(exercise, request.backbone, named_weights(request.weights))
    images = exercise.prepare(_images(request, settings, starts, listener), settings.limits())
    epochs = request.epochs or exercise.epochs
    base = TransferSettings(
        backbone=starts[0].backbone,
        weights=starts[0].weights,
        image_size=images.image_size,
        epochs=epochs,
        augmentation=images.augmentation,
        num_threads=settings.training_threads,
        limits=settings.limits(),
    )
    arms = exercise.arms(Setup(images, starts, base))
    measured = measure(arms, images, range(request.seeds), resolve_device(settings.device), listener)
    return Report(
        question=next(question for question in QUESTIONS if question.name == request.name),
        measured=measured,
        findings=exercise.find(measured),
        setup=_setup_told(exercise, measured.images, starts, epochs, request.seeds),
        notes=(*images.notes, *(start.note for start in starts if start.note), *_seeds_told(request.seeds)),
        seconds=time.monotonic() - begun,
    )


def _starts(exercise: Exercise, backbone: str, weights: Weights) -> list[Start]:
    if not exercise.backbones:
        return [find_start(backbone, weights)]
    if weights == "none":
        return [Start(name, weights) for name in exercise.backbones]
    return [find_own_start(name) for name in exercise.backbones]


def _images(
    request: Request, settings: Settings, starts: Sequence[Start], listener: LabListener
) -> LabImages:
    # A size that a network can't take is told before minutes go into reading images.
    for start in starts:
        preprocessing_for(start.backbone, request.image_size)
    reading = Reading(settings.limits(), request.image_size, request.max_images, listener.on_read)
    return digit_images(reading) if request.place is None else folder_images(request.place, reading)


def _seeds_told(num_seeds: int) -> tuple[str, ...]:
    if num_seeds > 2:
        return ()
    what = "no difference at all" if num_seeds == 1 else "hardly any difference"
    return (f"So few trainings of each variant can show {what}: take --seeds 3 or more.",)


def _setup_told(
    exercise: Exercise, images: LabImages, starts: Sequence[Start], epochs: int, num_seeds: int
) -> tuple[str, ...]:
    classes = f"{len(images.class_names)} classes"
    networks = "; ".join(f"{start.backbone} from {start.words}" for start in starts)
    unlabelled = f", {len(images.unlabelled)} without labels" if images.unlabelled else ""
    return (
        exercise.describe,
        f"Images: {images.name}, {classes}; {len(images.training)} to train and validate (a part of 15 % is "
        f"cut off for validation, another one for each seed), {len(images.test)} to test{unlabelled}.",
        f"Networks: {networks}; input of {images.image_size} × {images.image_size} pixels, to which the lab "
        "shrinks its images so that it stays quick: accuracies grow with a network's own, larger size.",
        f"Trainings of each variant: {num_seeds}; passes over the training images: {epochs}.",
    )
