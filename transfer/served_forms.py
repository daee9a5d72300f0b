"""Adds the served form to a version that an earlier release stored without one."""

import logging

from retrain.dataset import StoredImages, items_of
from store.samples.pending import replayable
from store.state import State
from store.versions import Version, load_files, replace_files
from transfer.settings import TrainSettings
from transfer.trained_version import engine_settings
from vision.artifact import from_files
from vision.augmentation import augmented
from vision.engines.served_form import spread_evenly
from vision.engines.served_model import served
from vision.image_set import PreparedImages

# Files that earlier releases stored for their own engines; nothing reads them any more.
_EARLIER_FORMS = ("engine.onnx", "engine.bfloat16.safetensors", "engine.int8.safetensors")

_log = logging.getLogger(__name__)


def add_served_form(state: State, settings: TrainSettings, version: Version) -> None:
    """Make the form in which a version is served, and store it beside its weights.

    Its predictions are compared with those in float32 on the validation images that it was chosen on.

    Raises:
        CorruptArtifactError: The version's files are broken.
    """
    artifact = from_files(load_files(state.blobs, version), are_verified=True)
    with state.database.read() as connection:
        validation = replayable(connection, artifact.class_names, "validation")
    samples = [validation[index] for index in spread_evenly([sample.label for sample in validation])]
    source = StoredImages(items_of(samples, artifact.class_names), state.blobs)
    images = PreparedImages(source, augmented(artifact.preprocessing, "none"), settings.limits)
    model = served(artifact, images, engine_settings(settings))
    kept = {name: sha256 for name, sha256 in version.files.items() if name not in _EARLIER_FORMS}
    added = {name: content for name, content in model.to_files().items() if name not in kept}
    files = {**kept, **{name: state.blobs.put(content) for name, content in added.items()}}
    metrics = {**version.metrics, **model.metrics()}
    state.database.write(lambda connection: replace_files(connection, version.version, files, metrics))
    _log.info(
        "%s comes from an earlier release; from now on it is served in %s",
        version.version,
        model.metrics()["served_precision"],
    )
