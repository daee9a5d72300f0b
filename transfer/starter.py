"""The model that serves before the user has trained one: of ImageNet's classes, or of digits."""

import logging
import threading
import urllib.error
import urllib.request

from sqlalchemy import Connection

from store.registry import production, promote
from store.state import State
from store.versions import NewVersion, Version, add_version
from transfer.cuts import PartName, cut
from transfer.digits import IMAGE_SIZE, load_scans
from transfer.importing import import_images
from transfer.settings import TrainSettings
from transfer.trained_version import TrainingJob, engine_settings, train_version
from vision.artifact import Artifact
from vision.engines.served_model import served
from vision.errors import WeightsUnavailableError
from vision.pretrained import zoo_classifier
from vision.sources.listing import LabelledImage
from vision.training.training import Epoch
from vision.transfer_settings import TransferSettings
from vision.weights.hub import LITE, cached_file, imagenet_weights

ACTOR = "starter"
BACKBONE = "resnet18"
RESNET = "torchvision's ResNet-18 with ImageNet's 1,000 classes"
LITE_NET = "EfficientNet-Lite0 with ImageNet's 1,000 classes, since ResNet-18's weights can't be had here"
DIGITS = "handwritten digits from scikit-learn's scans, since ImageNet weights can't be had here"
NUM_EPOCHS = 5
# More scans would make a first start too slow.
NUM_SCANS = 1200
_GOLDEN = 0.2
_VALIDATION = 0.15

log = logging.getLogger(__name__)


def ensure_production(state: State, settings: TrainSettings) -> Version:
    """Return the version in production; where there is none, make a starter model and promote it.

    The starter is torchvision's own ImageNet classifier where its weights are cached or can be downloaded.
    Else it is EfficientNet-Lite0 where the extra `lite` is installed, and else a classifier of scikit-learn's
    handwritten digits, which is trained here.
    """
    with state.database.read() as connection:
        version = production(connection)
    if version is not None:
        return version
    try:
        log.info("there is no model yet; looking for ImageNet weights to start with")
        artifact, description = _imagenet_classifier(settings.starter_download_seconds)
    except WeightsUnavailableError as error:
        log.warning("%s", error)
        log.warning("training a classifier of handwritten digits instead, which takes a minute")
        version = _train_digits(state, settings)
    else:
        version = _add_zoo(state, artifact, description, settings)
    log.info("the starter model is %s: %s", version.version, version.metrics["description"])
    return version


def _imagenet_classifier(seconds: float) -> tuple[Artifact, str]:
    """Return the first ImageNet classifier that is available, with its description."""
    try:
        return _downloaded(seconds), RESNET
    except WeightsUnavailableError as error:
        log.warning("%s", error)
        return zoo_classifier(LITE), LITE_NET


def _downloaded(seconds: float) -> Artifact:
    weights = imagenet_weights(BACKBONE)
    if not cached_file(weights).exists() and not _is_reachable(str(weights.url), seconds):
        raise WeightsUnavailableError(f"ImageNet weights are not cached, and {weights.url} does not answer.")
    return zoo_classifier(BACKBONE)


def _is_reachable(url: str, seconds: float) -> bool:
    """Return whether a URL answers within so many seconds."""
    has_answered = threading.Event()

    def request() -> None:
        try:
            with urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=seconds):
                has_answered.set()
        except (urllib.error.URLError, OSError):
            return

    # In a daemon thread, since the look-up of a name has no time-out.
    thread = threading.Thread(target=request, daemon=True)
    thread.start()
    thread.join(seconds)
    return has_answered.is_set()


def _add_zoo(state: State, artifact: Artifact, description: str, settings: TrainSettings) -> Version:
    # There are no images of the user's yet that int8 could be calibrated on.
    model = served(artifact, (), engine_settings(settings))
    contents = model.to_files()
    files = {name: state.blobs.put(content) for name, content in contents.items()}
    metrics = {
        "description": description,
        "backbone": artifact.backbone,
        "starter": "imagenet",
        **model.metrics(),
    }
    new = NewVersion(class_names=artifact.class_names, files=files, metrics=metrics, is_starter=True)

    def work(connection: Connection) -> Version:
        current = production(connection)
        if current is not None:
            return current  # somebody trained one while we fetched the weights
        version = add_version(connection, new, ())
        promote(
            connection, version.version, reason=f"First start: {description}.", actor=ACTOR, expected=None
        )
        return version

    return state.database.write(work)


def _train_digits(state: State, settings: TrainSettings) -> Version:
    files = [LabelledImage(scan.png, scan.label, scan.name) for scan in load_scans()[:NUM_SCANS]]
    class_names = sorted({file.label for file in files})
    rest, golden = cut(files, _GOLDEN)
    train, validation = cut(rest, _VALIDATION)
    parts: dict[PartName, list[LabelledImage]] = {"train": train, "validation": validation, "golden": golden}
    imported = import_images(state, parts, class_names, settings)
    job = TrainingJob(
        class_names=tuple(class_names),
        transfer=digits_transfer(settings),
        engines=engine_settings(settings),
        reason=f"First start: {DIGITS}.",
        description=DIGITS,
        is_starter=True,
        actor=ACTOR,
    )
    return train_version(state, imported, job, _EpochLog()).version


def digits_transfer(settings: TrainSettings) -> TransferSettings:
    """Return the settings that train a classifier of the digits from scratch in about half a minute."""
    return TransferSettings(
        weights="none",
        image_size=IMAGE_SIZE,
        epochs=NUM_EPOCHS,
        # Larger batches would be too few steps with so few scans.
        batch_size=32,
        learning_rate=1e-3,
        augmentation="gentle",
        num_threads=settings.num_threads,
    )


class _EpochLog:
    """Logs the epochs of a training."""

    def on_batch(self, done: int, total: int) -> None:
        """Log nothing."""

    def on_run(self, name: str) -> None:
        """Log nothing."""

    def on_epoch(self, epoch: Epoch) -> None:
        """Log the validation accuracy."""
        log.info(
            "starter: epoch %d of %d, validation accuracy %.1f %%",
            epoch.epoch,
            NUM_EPOCHS,
            100 * epoch.validation_accuracy,
        )
