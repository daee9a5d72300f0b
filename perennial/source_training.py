"""`perennial train SOURCE`, from labelled images to a version with its curves beside it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from perennial.adapting import target_images
from perennial.cores import num_cores
from perennial.errors import SettingsError, TooFewImagesError
from perennial.forewarning import forewarnings
from perennial.importing import Cut, Imported, cut, import_images
from perennial.initial_training import Job, Progress, Trained, engine_settings, train_version
from perennial.settings import Settings
from perennial.state import State
from vision.adaptation.table import AdaptationName
from vision.network import Weights
from vision.sources.checking import CheckedImages, check_images
from vision.sources.detection import list_images
from vision.sources.listing import LabelledImage
from vision.sources.unlabelled import UnlabelledImages
from vision.training import Epoch
from vision.transfer import TransferSettings

GOLDEN_FRACTION = 0.2
VALIDATION_FRACTION = 0.15
_NAMED_WEIGHTS: dict[str, Weights] = {"default": "default", "bundled": "bundled", "none": "none"}


@dataclass(frozen=True, slots=True)
class Request:
    """What `perennial train` was asked for."""

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
    num_repeats: int = 1
    adapt: tuple[AdaptationName, ...] = ()
    unlabelled: Path | None = None
    seed: int = 0


class Listener(Protocol):
    """Who is told how far it is."""

    def on_read(self, what: str, done: int, total: int) -> None:
        """Hear that `done` of `total` images went through one stage."""

    def on_batch(self, done: int, total: int) -> None:
        """Hear that `done` of `total` steps are made."""

    def on_epoch(self, epoch: Epoch) -> None:
        """Hear an epoch's figures."""

    def on_run(self, name: str) -> None:
        """Hear what is trained next, where that is several trainings."""

    def on_warning(self, text: str) -> None:
        """Hear what had better be known before the training."""


@dataclass(frozen=True, slots=True)
class TrainedSource:
    """The version that a source gave, with what was left out and where its curves are."""

    trained: Trained
    imported: Imported
    unlabelled: UnlabelledImages | None
    left_out: tuple[tuple[str, str], ...]
    warnings: tuple[str, ...]
    curves_file: Path


def train_source(state: State, settings: Settings, request: Request, listener: Listener) -> TrainedSource:
    """Train on a source's images, which enter the store, and make the result production.

    Raises:
        SourceError: The source can't be trained on.
        SettingsError, VisionError: The weights, the backbone or the settings can't be used.
        TooFewImagesError: A part is empty once near-duplicates are together and doubtful labels left out.
    """
    limits = settings.limits()
    # A backbone or a weights file that there is not is told before minutes go into reading images.
    transfer = _transfer_settings(settings, request)
    unlabelled = target_images(
        request.unlabelled,
        transfer,
        on_image=lambda done, total: listener.on_read("checking unlabelled", done, total),
    )
    checked = check_images(
        list_images(request.source),
        limits,
        on_image=lambda done, total: listener.on_read("checking", done, total),
    )
    parts = cut_three_ways(checked)
    num_images, num_done = sum(map(len, parts.values())), 0

    def on_image() -> None:
        nonlocal num_done
        num_done += 1
        listener.on_read("storing", num_done, num_images)

    imported = import_images(state, parts, checked.class_names, limits, settings.split(), on_image)
    _check_parts(imported, request.source)
    warnings = forewarnings(imported.train, transfer)
    for warning in warnings:
        listener.on_warning(warning)
    job = Job(
        class_names=checked.class_names,
        transfer=transfer,
        engines=engine_settings(settings),
        reason=f"Trained on {request.source} by {request.actor}.",
        description=f"{len(checked.class_names)} classes from {request.source.name}",
        actor=request.actor,
        num_repeats=request.num_repeats,
        unlabelled=unlabelled,
    )
    progress = Progress(listener.on_epoch, listener.on_batch, listener.on_run)
    trained = train_version(state, imported, job, progress)
    unreadable = () if unlabelled is None else unlabelled.unreadable
    left_out = (*checked.unreadable, *imported.left_out, *unreadable)
    curves_file = _write_curves(state, settings, trained)
    return TrainedSource(trained, imported, unlabelled, left_out, warnings, curves_file)


def cut_three_ways(checked: CheckedImages) -> dict[Cut, list[LabelledImage]]:
    """Return a source's images as train, validation and golden; each image is in one of them.

    What the source calls test is golden, and what it calls val is what choices are made on; without a test
    part, val is golden. A part that the source lacks is cut from train.
    """
    rest, val, test = checked.of("train", None), checked.of("val"), checked.of("test")
    golden = test or val
    if not golden:
        rest, golden = cut(rest, GOLDEN_FRACTION)
    if test and val:
        return {"train": rest, "validation": val, "golden": golden}
    train, validation = cut(rest, VALIDATION_FRACTION)
    return {"train": train, "validation": validation, "golden": golden}


def _transfer_settings(settings: Settings, request: Request) -> TransferSettings:
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
        # Nobody waits but who asked: a training by hand takes every core.
        num_threads=num_cores(),
        limits=settings.limits(),
    )


def named_weights(given: str) -> Weights:
    """Return the weights that a person names.

    Raises:
        SettingsError: They are neither of the known words nor a file.
    """
    if given in _NAMED_WEIGHTS:
        return _NAMED_WEIGHTS[given]
    if not Path(given).is_file():
        raise SettingsError(
            f"Expected --weights default, bundled, none or a file, found {given!r}, which is none."
        )
    return Path(given)


def _check_parts(imported: Imported, source: Path) -> None:
    for name in ("train", "validation", "golden"):
        if not getattr(imported, name):
            raise TooFewImagesError(
                f"Expected images to make a {name} part of {source}, found none: nearly all images are "
                "near-duplicates of one another, or the same under two labels. Add images of other things "
                "or moments."
            )


def _write_curves(state: State, settings: Settings, trained: Trained) -> Path:
    """Write the picture of the curves where a person finds it; it is among the version's files too."""
    folder = settings.home / "curves"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{trained.version.version}.png"
    file.write_bytes(state.blobs.get(trained.version.files["curves.png"]))
    return file
