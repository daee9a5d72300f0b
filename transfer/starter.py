"""The model that serves before the user has trained one: a pretrained network with its own classes."""

import logging

from sqlalchemy import Connection

from store.registry import production, promote
from store.state import State
from store.versions import NewVersion, Version, add_version
from transfer.settings import TrainSettings
from transfer.trained_version import engine_settings
from vision.artifact import Artifact
from vision.engines.served_model import served
from vision.initial_weights import BACKBONE, InitialWeights, find_initial_weights
from vision.pretrained import bundled_classifier, zoo_classifier

ACTOR = "starter"
_NAMES = {"resnet18": "torchvision's ResNet-18", "efficientnet_lite0": "EfficientNet-Lite0"}

log = logging.getLogger(__name__)


def ensure_production(state: State, settings: TrainSettings) -> Version:
    """Return the version in production; where there is none, make a starter model and promote it.

    The starter is the network that `train` would start from: torchvision's ImageNet classifier, else
    EfficientNet-Lite0's where the extra `lite` is installed, else the bundled one of 200 classes.

    Raises:
        WeightsUnavailableError: Even the bundled file is missing.
    """
    with state.database.read() as connection:
        version = production(connection)
    if version is not None:
        return version
    log.info("there is no model yet; looking for ImageNet weights to start with")
    start = find_initial_weights(BACKBONE, "default", settings.starter_download_seconds)
    if start.note:
        log.warning("%s", start.note)
    artifact = zoo_classifier(start.backbone) if start.weights == "default" else bundled_classifier()
    description = _described(start)
    version = _add_starter(state, artifact, description, settings)
    if version.is_starter:
        log.info("the starter model is %s: %s", version.version, description)
    return version


def _described(start: InitialWeights) -> str:
    if start.weights != "default":
        return "the bundled ResNet-18 with 200 classes, since ImageNet weights can't be had here"
    classes = f"{_NAMES.get(start.backbone, start.backbone)} with ImageNet's 1,000 classes"
    return f"{classes}, since {BACKBONE}'s weights can't be had here" if start.missing else classes


def _add_starter(state: State, artifact: Artifact, description: str, settings: TrainSettings) -> Version:
    # There are no images of the user's yet that int8 could be calibrated on.
    model = served(artifact, (), engine_settings(settings))
    contents = model.to_files()
    files = {name: state.blobs.put(content) for name, content in contents.items()}
    metrics = {
        "description": description,
        "backbone": artifact.backbone,
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
