"""The model that serves before the user has trained one: ImageNet's classes, or handwritten digits."""

import logging
import threading
import urllib.error
import urllib.request

from sqlalchemy import Connection

from perennial.digits import IMAGE_SIZE, load_scans
from perennial.importing import Cut, cut, import_images
from perennial.initial_training import Job, Progress, engine_settings, train_version
from perennial.settings import Settings
from perennial.state import State
from store.registry import Version, production, promote
from store.versions import NewVersion, add_version
from vision.artifact import Artifact
from vision.engines.serving import served
from vision.errors import WeightsUnavailableError
from vision.pretrained import zoo_classifier
from vision.sources.listing import LabelledImage
from vision.training import Epoch
from vision.transfer import TransferSettings
from vision.weights.hub import LITE, cached_file, imagenet_weights

ACTOR = "starter"
BACKBONE = "resnet18"
RESNET = "torchvision's ResNet-18 with ImageNet's 1,000 classes"
LITE_NET = "EfficientNet-Lite0 with ImageNet's 1,000 classes, since ResNet-18's can't be had here"
DIGITS = "handwritten digits from scikit-learn's scans, since ImageNet weights can't be had here"
NUM_EPOCHS = 5
# As many of the scans as a first start has the patience for.
NUM_SCANS = 1200
_GOLDEN = 0.2
_VALIDATION = 0.15

log = logging.getLogger(__name__)


def ensure_production(state: State, settings: Settings) -> Version:
    """Return the version in production; where there is none, make a starter model and promote it.

    It is torchvision's own ImageNet classifier where its weights are cached or can be downloaded, else
    EfficientNet-Lite0 where the extra `lite` is installed, else a classifier of scikit-learn's handwritten
    digits, trained here and now.
    """
    with state.database.read() as connection:
        found = production(connection)
    if found is not None:
        return found
    try:
        log.info("there is no model yet: looking for ImageNet weights to start with")
        artifact, description = _imagenet_classifier(settings.starter_download_seconds)
    except WeightsUnavailableError as error:
        log.warning("%s", error)
        log.warning("starting with a classifier of handwritten digits instead; training it takes a minute")
        version = _train_digits(state, settings)
    else:
        version = _add_zoo(state, artifact, description, settings)
    log.info("the starter model is %s: %s", version.version, version.metrics["description"])
    return version


def _imagenet_classifier(seconds: float) -> tuple[Artifact, str]:
    """Return the first of the ImageNet classifiers that can be had, with its description."""
    try:
        return _downloaded(seconds), RESNET
    except WeightsUnavailableError as error:
        log.warning("%s", error)
        return zoo_classifier(LITE), LITE_NET


def _downloaded(seconds: float) -> Artifact:
    weights = imagenet_weights(BACKBONE)
    if not cached_file(weights).exists() and not _answers(str(weights.url), seconds):
        raise WeightsUnavailableError(f"ImageNet weights are not cached, and {weights.url} does not answer.")
    return zoo_classifier(BACKBONE)


def _answers(url: str, seconds: float) -> bool:
    """Return whether a URL answers within so many seconds."""
    answered = threading.Event()

    def ask() -> None:
        try:
            with urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=seconds):
                answered.set()
        except (urllib.error.URLError, OSError):
            return

    # A thread, since the look-up of a name has no time-out; nobody waits for it at the end.
    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(seconds)
    return answered.is_set()


def _add_zoo(state: State, artifact: Artifact, description: str, settings: Settings) -> Version:
    # Without the user's images there is nothing to calibrate integers on.
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
        found = production(connection)
        if found is not None:
            return found  # somebody trained one while we fetched the weights
        version = add_version(connection, new, ())
        promote(
            connection, version.version, reason=f"First start: {description}.", actor=ACTOR, expected=None
        )
        return version

    return state.database.write(work)


def _train_digits(state: State, settings: Settings) -> Version:
    files = [LabelledImage(scan.png, scan.label, scan.name) for scan in load_scans()[:NUM_SCANS]]
    class_names = sorted({file.label for file in files})
    rest, golden = cut(files, _GOLDEN)
    train, validation = cut(rest, _VALIDATION)
    parts: dict[Cut, list[LabelledImage]] = {"train": train, "validation": validation, "golden": golden}
    imported = import_images(state, parts, class_names, settings.limits(), settings.split())
    job = Job(
        class_names=tuple(class_names),
        transfer=digits_transfer(settings),
        engines=engine_settings(settings),
        reason=f"First start: {DIGITS}.",
        description=DIGITS,
        is_starter=True,
        actor=ACTOR,
    )
    return train_version(state, imported, job, Progress(_log_epoch, lambda done, total: None)).version


def digits_transfer(settings: Settings) -> TransferSettings:
    """Return how a classifier of the digits is trained from scratch in about half a minute."""
    return TransferSettings(
        weights="none",
        image_size=IMAGE_SIZE,
        epochs=NUM_EPOCHS,
        # So few scans make too few steps in larger batches.
        batch_size=32,
        learning_rate=1e-3,
        augmentation="gentle",
        num_threads=settings.training_threads,
    )


def _log_epoch(epoch: Epoch) -> None:
    log.info(
        "starter: epoch %d of %d, validation accuracy %.1f %%",
        epoch.epoch,
        NUM_EPOCHS,
        100 * epoch.validation_accuracy,
    )
