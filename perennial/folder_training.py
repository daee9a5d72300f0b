"""`perennial train DIR`, from the folder to a version with its curves beside it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from perennial.device import resolve_device
from perennial.errors import SettingsError, TooFewImagesError
from perennial.importing import Cut, Imported, LabelledFile, cut, import_images
from perennial.initial_training import Job, Progress, Trained, train_version
from perennial.settings import Settings
from perennial.state import State
from vision.folder import ImageFolderListing, read_image_folder
from vision.training import Epoch
from vision.transfer import TransferSettings

GOLDEN_FRACTION = 0.2
VALIDATION_FRACTION = 0.15


@dataclass(frozen=True, slots=True)
class Request:
    """What `perennial train` was asked for."""

    directory: Path
    actor: str
    backbone: str = "resnet18"
    weights: str = "default"
    strategy: str = "auto"
    image_size: int | None = None
    epochs: int | None = None
    augmentation: Literal["none", "gentle", "basic", "strong"] = "basic"
    seed: int = 0


class Listener(Protocol):
    """Who is told how far it is."""

    def on_read(self, what: str, done: int, total: int) -> None:
        """Hear that `done` of `total` images went through one stage."""

    def on_batch(self, done: int, total: int) -> None:
        """Hear that `done` of `total` steps are made."""

    def on_epoch(self, epoch: Epoch) -> None:
        """Hear an epoch's figures."""


@dataclass(frozen=True, slots=True)
class TrainedFolder:
    """The version that a folder gave, with what was left out of it and where its curves are."""

    trained: Trained
    imported: Imported
    left_out: tuple[tuple[str, str], ...]
    curves_file: Path


def train_folder(state: State, settings: Settings, request: Request, listener: Listener) -> TrainedFolder:
    """Train on a folder of images, whose images enter the store, and make the result production.

    Raises:
        FolderError: The folder can't be trained on.
        VisionError: The weights, the backbone or the settings can't be used.
        TooFewImagesError: A part is empty once near-duplicates are together and doubtful labels left out.
    """
    limits = settings.limits()
    # A backbone or a weights file that there is not is told before minutes go into reading images.
    transfer = _transfer_settings(settings, request)
    listing = read_image_folder(
        request.directory, limits, on_image=lambda done, total: listener.on_read("checking", done, total)
    )
    parts = cut_three_ways(listing)
    num_images, num_done = sum(map(len, parts.values())), 0

    def on_image() -> None:
        nonlocal num_done
        num_done += 1
        listener.on_read("storing", num_done, num_images)

    imported = import_images(state, parts, listing.class_names, limits, on_image)
    _check_parts(imported, request.directory)
    job = Job(
        class_names=listing.class_names,
        transfer=transfer,
        device=resolve_device(settings.device),
        reason=f"Trained on {request.directory} by {request.actor}.",
        description=f"{len(listing.class_names)} classes from {request.directory.name}",
        actor=request.actor,
    )
    trained = train_version(state, imported, job, Progress(listener.on_epoch, listener.on_batch))
    left_out = (*((str(path), reason) for path, reason in listing.unreadable), *imported.left_out)
    return TrainedFolder(trained, imported, left_out, _write_curves(state, settings, trained))


def cut_three_ways(listing: ImageFolderListing) -> dict[Cut, list[LabelledFile]]:
    """Return a listing's images as train, validation and golden; each image is in one of them."""

    def files(images: list[tuple[Path, int]]) -> list[LabelledFile]:
        return [LabelledFile.of(path, listing.class_names[label]) for path, label in images]

    if listing.val is None:
        rest, golden = cut(files(listing.train), GOLDEN_FRACTION)
    else:
        rest, golden = files(listing.train), files(listing.val)
    train, validation = cut(rest, VALIDATION_FRACTION)
    return {"train": train, "validation": validation, "golden": golden}


def _transfer_settings(settings: Settings, request: Request) -> TransferSettings:
    weights: Literal["default", "none"] | Path
    if request.weights in ("default", "none"):
        weights = "default" if request.weights == "default" else "none"
    else:
        weights = Path(request.weights)
        if not weights.is_file():
            raise SettingsError(
                f"Expected --weights default, none or a file, found {request.weights!r}, which is none."
            )
    return TransferSettings(
        backbone=request.backbone,
        weights=weights,
        strategy=request.strategy,
        image_size=request.image_size,
        epochs=request.epochs,
        augmentation=request.augmentation,
        seed=request.seed,
        num_threads=settings.threads,
        limits=settings.limits(),
    )


def _check_parts(imported: Imported, directory: Path) -> None:
    for name in ("train", "validation", "golden"):
        if not getattr(imported, name):
            raise TooFewImagesError(
                f"Expected images to make a {name} part of {directory}, found none: nearly all images are "
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
