"""`perennial train SOURCE`: reads labelled images, and trains a version on them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from store.state import State
from transfer.cuts import cut_three_ways
from transfer.errors import OptionError, TooFewImagesError
from transfer.importing import Imported, import_images
from transfer.settings import TrainSettings
from transfer.target_images import target_images
from transfer.trained_version import (
    TrainedVersion,
    TrainingJob,
    TrainingListener,
    engine_settings,
    train_version,
)
from transfer.training_warnings import warnings_before
from vision.adaptation.table import AdaptationName
from vision.cores import num_cores
from vision.network import Weights
from vision.sources.checking import check_images
from vision.sources.detection import list_images
from vision.sources.unlabelled import UnlabelledImages
from vision.transfer_settings import TransferSettings

_NAMED_WEIGHTS: dict[str, Weights] = {"default": "default", "bundled": "bundled", "none": "none"}


@dataclass(frozen=True, slots=True)
class TrainRequest:
    """The options of `perennial train`."""

    source: Path
    actor: str
    backbone: str = "resnet18"
    weights: str = "default"
    strategy: str = "auto"
    image_size: int | None = None
    epochs: int | None = None
    augmentation: Literal["none", "gentle", "basic", "strong"] = "basic"
    balances_classes: bool = False
    num_members: int = 1
    num_seeds: int = 1
    adapt: tuple[AdaptationName, ...] = ()
    unlabelled: Path | None = None
    seed: int = 0


class SourceListener(TrainingListener, Protocol):
    """Is notified of how far reading and training are."""

    def on_read(self, stage: str, done: int, total: int) -> None:
        """Note that `done` of `total` images went through one stage."""

    def on_warning(self, text: str) -> None:
        """Note a warning, before the training begins."""


@dataclass(frozen=True, slots=True)
class TrainedSource:
    """The version that was trained on a source, with the images that were left out and its curves."""

    trained: TrainedVersion
    imported: Imported
    unlabelled: UnlabelledImages | None
    left_out: tuple[tuple[str, str], ...]
    warnings: tuple[str, ...]
    curves_file: Path


def train_source(
    state: State, settings: TrainSettings, request: TrainRequest, listener: SourceListener
) -> TrainedSource:
    """Store a source's images, train on them, and make the result production.

    Raises:
        SourceError: The source can't be trained on.
        OptionError, VisionError: The weights, the backbone or the settings can't be used.
        TooFewImagesError: A part is empty once near-duplicates share a part and disputed labels are left out.
    """
    # An unknown backbone or a missing weights file fails here, before minutes go into reading images.
    transfer = _transfer_settings(settings, request)
    unlabelled = target_images(
        request.unlabelled,
        transfer,
        on_image=lambda done, total: listener.on_read("checking unlabelled", done, total),
    )
    checked = check_images(
        list_images(request.source),
        settings.limits,
        on_image=lambda done, total: listener.on_read("checking", done, total),
    )
    parts = cut_three_ways(checked)
    num_images, num_done = sum(map(len, parts.values())), 0

    def on_image() -> None:
        nonlocal num_done
        num_done += 1
        listener.on_read("storing", num_done, num_images)

    imported = import_images(state, parts, checked.class_names, settings, on_image)
    _check_parts(imported, request.source)
    warnings = warnings_before(imported.train, transfer)
    for warning in warnings:
        listener.on_warning(warning)
    job = TrainingJob(
        class_names=checked.class_names,
        transfer=transfer,
        engines=engine_settings(settings),
        reason=f"Trained on {request.source} by {request.actor}.",
        description=f"{len(checked.class_names)} classes from {request.source.name}",
        actor=request.actor,
        num_seeds=request.num_seeds,
        unlabelled=unlabelled,
    )
    trained = train_version(state, imported, job, listener)
    unreadable = () if unlabelled is None else unlabelled.unreadable
    left_out = (*checked.unreadable, *imported.left_out, *unreadable)
    curves_file = _write_curves(state, settings, trained)
    return TrainedSource(trained, imported, unlabelled, left_out, warnings, curves_file)


def _transfer_settings(settings: TrainSettings, request: TrainRequest) -> TransferSettings:
    return TransferSettings(
        backbone=request.backbone,
        weights=named_weights(request.weights),
        strategy=request.strategy,
        image_size=request.image_size,
        epochs=request.epochs,
        augmentation=request.augmentation,
        balances_classes=request.balances_classes,
        num_members=request.num_members,
        adaptations=request.adapt,
        seed=request.seed,
        # A training by hand uses every core, since only the person who started it waits.
        num_threads=num_cores(),
        limits=settings.limits,
    )


def named_weights(option: str) -> Weights:
    """Return the weights that an option names.

    Raises:
        OptionError: It is neither one of the known words nor a file.
    """
    if option in _NAMED_WEIGHTS:
        return _NAMED_WEIGHTS[option]
    if not Path(option).is_file():
        raise OptionError(
            f"Expected --weights default, bundled, none or a file, found {option!r}, which is none of them."
        )
    return Path(option)


def _check_parts(imported: Imported, source: Path) -> None:
    for name in ("train", "validation", "golden"):
        if not getattr(imported, name):
            raise TooFewImagesError(
                f"Expected images to make a {name} part of {source}, found none: nearly all images are "
                "near-duplicates of one another, or the same under two labels. Add images of other things "
                "or moments."
            )


def _write_curves(state: State, settings: TrainSettings, trained: TrainedVersion) -> Path:
    """Write the picture of the curves into the home; the version's files hold it too."""
    folder = settings.curves_folder
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{trained.version.version}.png"
    file.write_bytes(state.blobs.get(trained.version.files["curves.png"]))
    return file
