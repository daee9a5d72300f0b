"""`perennial train SOURCE`: reads labelled images, and trains a version on them."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from store.state import State
from transfer.cuts import cut_three_ways
from transfer.errors import OptionError, TooFewImagesError
from transfer.importing import Imported, import_images
from transfer.settings import TrainSettings
from transfer.step_options import StepOptions, check_steps, describe_unsure
from transfer.target_images import target_images
from transfer.trained_version import (
    TrainedVersion,
    TrainingJob,
    TrainingListener,
    engine_settings,
    train_version,
)
from transfer.training_warnings import missing_classes, warnings_before
from vision.adaptation.table import AdaptationName
from vision.cores import num_cores
from vision.initial_weights import BACKBONE, InitialWeights, find_initial_weights, named_initial_weights
from vision.network import Weights
from vision.preprocessing import preprocessing_for
from vision.sources.checking import check_images
from vision.sources.detection import list_images
from vision.sources.listing import shown
from vision.sources.unlabelled import UnlabelledImages
from vision.transfer_settings import TransferSettings

_NUM_NAMED = 5
_NAMED_WEIGHTS: dict[str, Weights] = {"default": "default", "bundled": "bundled", "none": "none"}


@dataclass(frozen=True, slots=True)
class TrainRequest:
    """The options of `perennial train`; None leaves the choice to the product.

    `docs/reference/commands.md` has a line for each.
    """

    source: Path
    actor: str
    backbone: str | None = None
    weights: str = "default"
    strategy: str = "auto"
    image_size: int | None = None
    epochs: int | None = None
    steps: StepOptions = field(default_factory=StepOptions)
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
    start: InitialWeights
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
    # What the options get wrong fails here, before minutes go into reading images.
    start = _initial_weights(settings, request)
    transfer = _transfer_settings(settings, request, start)
    check_steps(request.steps, transfer)
    unlabelled = target_images(
        request.unlabelled,
        transfer,
        on_image=lambda done, total: listener.on_read("checking unlabelled", done, total),
    )
    checked = check_images(
        list_images(request.source, settings.limits),
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
    _check_parts(imported, checked.class_names, request.source)
    warnings = (
        start.note,
        describe_unsure(request.steps, transfer),
        *checked.notes,
        *warnings_before(imported.train, transfer),
        *missing_classes(imported, checked.class_names),
    )
    warnings = tuple(warning for warning in warnings if warning)
    for warning in warnings:
        listener.on_warning(warning)
    job = TrainingJob(
        class_names=checked.class_names,
        transfer=transfer,
        engines=engine_settings(settings),
        reason=f"Trained on {shown(request.source)} by {request.actor}.",
        description=f"{len(checked.class_names)} classes from {shown(request.source.name)}",
        actor=request.actor,
        num_seeds=request.num_seeds,
        unlabelled=unlabelled,
    )
    trained = train_version(state, imported, job, listener)
    of_target = () if unlabelled is None else (*unlabelled.passed_over, *unlabelled.unreadable)
    left_out = (*checked.left_out, *imported.left_out, *of_target)
    curves_file = _write_curves(state, settings, trained)
    return TrainedSource(trained, start, imported, unlabelled, left_out, warnings, curves_file)


def _initial_weights(settings: TrainSettings, request: TrainRequest) -> InitialWeights:
    weights = named_weights(request.weights)
    if request.backbone is not None:
        # A network that a person named is never replaced by another.
        return named_initial_weights(request.backbone, weights)
    return find_initial_weights(BACKBONE, weights, settings.starter_download_seconds)


def _transfer_settings(
    settings: TrainSettings, request: TrainRequest, start: InitialWeights
) -> TransferSettings:
    # Raises where the network can't take images that small.
    preprocessing_for(start.backbone, request.image_size)
    return TransferSettings(
        backbone=start.backbone,
        weights=start.weights,
        strategy=request.strategy,
        image_size=request.image_size,
        epochs=request.epochs,
        **asdict(request.steps),
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


def _check_parts(imported: Imported, class_names: Sequence[str], source: Path) -> None:
    for name in ("train", "validation", "golden"):
        if not getattr(imported, name):
            raise TooFewImagesError(
                f"Expected images to make a {name} part of {source}, found none: nearly all images are "
                "near-duplicates of one another. Add images of other things or moments."
            )
    learnt = {sample.label for sample in imported.train}
    missing = [repr(name) for name in class_names if name not in learnt]
    if missing:
        raise TooFewImagesError(
            f"Expected images of every class to learn from in {source}, found none of "
            f"{', '.join(missing[:_NUM_NAMED])}: they are near-duplicates of images that are judged on, or "
            "feedback gave them another label. Add images of other things or moments, or remove the class."
        )


def _write_curves(state: State, settings: TrainSettings, trained: TrainedVersion) -> Path:
    """Write the picture of the curves into the home; the version's files hold it too."""
    folder = settings.curves_folder
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{trained.version.version}.png"
    file.write_bytes(state.blobs.get(trained.version.files["curves.png"]))
    return file
