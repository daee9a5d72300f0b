"""Runs one experiment by its name, from the images to a report."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

from lab import augmentation, backbones, freezing, learning_rate, momentum, shift, unfreezing
from lab.experiment import Experiment
from lab.images import LabImages, digit_images, folder_images
from lab.questions import QUESTIONS
from lab.report import Report
from lab.training import TrainingListener, measure
from transfer.settings import TrainSettings
from transfer.trained_source import named_weights
from vision.device import resolve_device
from vision.initial_weights import InitialWeights, best_initial_weights, find_initial_weights
from vision.network import Weights
from vision.preprocessing import preprocessing_for
from vision.transfer_settings import TransferSettings

EXPERIMENTS: Mapping[str, Experiment] = MappingProxyType(
    {
        "freezing": freezing.EXPERIMENT,
        "learning-rate": learning_rate.EXPERIMENT,
        "momentum": momentum.EXPERIMENT,
        "augmentation": augmentation.EXPERIMENT,
        "backbones": backbones.EXPERIMENT,
        "unfreezing": unfreezing.EXPERIMENT,
        "shift": shift.EXPERIMENT,
    }
)


@dataclass(frozen=True, slots=True)
class LabRequest:
    """The options of `perennial lab`.

    Attributes:
        name: The experiment's.
        place: The images; None for the digits that come with the installation.
        backbone: The network; ignored by an experiment that compares networks.
        weights: "default", "bundled", "none" or a file.
        image_size: Side of the network's input in pixels; None for the lab's default.
        seeds: Trainings of each variant.
        epochs: Passes over the training images; None for the experiment's default.
        max_images: Images of the training and the test part together, at most.
    """

    name: str
    place: Path | None = None
    backbone: str = "resnet18"
    weights: str = "default"
    image_size: int | None = None
    seeds: int = 3
    epochs: int | None = None
    max_images: int = 1000


class LabListener(TrainingListener, Protocol):
    """Is notified of how far reading and training are."""

    def on_read(self, stage: str, done: int, total: int) -> None:
        """Note that `done` of `total` images went through one stage."""


def run_experiment(request: LabRequest, settings: TrainSettings, listener: LabListener) -> Report:
    """Run an experiment and return its report. Nothing of it enters the store.

    Raises:
        SourceError: The images can't be used.
        VisionError: The network, the weights or the image size can't be used.
        OptionError: The weights are no file.
    """
    begun = time.monotonic()
    experiment = EXPERIMENTS[request.name]
    networks = _networks(experiment, request.backbone, named_weights(request.weights))
    images = experiment.prepare(_images(request, settings, networks, listener), settings.limits)
    epochs = request.epochs or experiment.epochs
    base = TransferSettings(
        backbone=networks[0].backbone,
        weights=networks[0].weights,
        image_size=images.image_size,
        epochs=epochs,
        augmentation=images.augmentation,
        num_threads=settings.num_threads,
        limits=settings.limits,
    )
    arms = experiment.arms(base, networks)
    measured = measure(arms, images, range(request.seeds), resolve_device(settings.device), listener)
    return Report(
        question=next(question for question in QUESTIONS if question.name == request.name),
        measured=measured,
        conclusion=experiment.conclude(measured),
        setup=_describe_setup(experiment, measured.images, networks, epochs, request.seeds),
        notes=(
            *images.notes,
            *(network.note for network in networks if network.note),
            *_describe_num_seeds(request.seeds),
        ),
        seconds=time.monotonic() - begun,
    )


def _networks(experiment: Experiment, backbone: str, weights: Weights) -> list[InitialWeights]:
    if not experiment.backbones:
        return [find_initial_weights(backbone, weights)]
    if weights == "none":
        return [InitialWeights(name, weights) for name in experiment.backbones]
    return [best_initial_weights(name) for name in experiment.backbones]


def _images(
    request: LabRequest, settings: TrainSettings, networks: Sequence[InitialWeights], listener: LabListener
) -> LabImages:
    # An image size that a network can't have fails here, before minutes go into reading images.
    for network in networks:
        preprocessing_for(network.backbone, request.image_size)
    options = settings.limits, request.image_size, request.max_images, listener.on_read
    return digit_images(*options) if request.place is None else folder_images(request.place, *options)


def _describe_num_seeds(num_seeds: int) -> tuple[str, ...]:
    if num_seeds > 2:
        return ()
    differences = "no difference at all" if num_seeds == 1 else "hardly any difference"
    return (f"So few trainings of each variant can show {differences}: use --seeds 3 or more.",)


def _describe_setup(
    experiment: Experiment, images: LabImages, networks: Sequence[InitialWeights], epochs: int, num_seeds: int
) -> tuple[str, ...]:
    classes = f"{len(images.class_names)} classes"
    names = "; ".join(f"{network.backbone} from {network.words}" for network in networks)
    unlabelled = f", {len(images.unlabelled)} without labels" if images.unlabelled else ""
    return (
        experiment.description,
        f"Images: {images.name}, {classes}; {len(images.training)} to train and validate (each seed cuts "
        f"off another 15 % for validation), {len(images.test)} to test{unlabelled}.",
        f"Networks: {names}; input of {images.image_size} × {images.image_size} pixels. The lab "
        "shrinks its images to stay quick; at the network's own, larger size accuracies are higher.",
        f"Trainings of each variant: {num_seeds}; passes over the training images: {epochs}.",
    )
