"""Gives production the form in which it is served, where an earlier release stored it without one."""

import logging

from perennial.initial_training import engine_settings
from perennial.settings import Settings
from perennial.state import State
from retrain.dataset import StoredImages, items_of
from store.samples import replayable
from store.versions import Version, load_files, replace_files
from vision.artifact import from_files
from vision.augmentation import augmented
from vision.engines.served_form import spread_evenly
from vision.engines.serving import served
from vision.image_set import PreparedImages

# What earlier releases stored for the engines that they had: of no use any more.
_EARLIER_FORMS = ("engine.onnx", "engine.bfloat16.safetensors", "engine.int8.safetensors")

_log = logging.getLogger(__name__)


def add_served_form(state: State, settings: Settings, version: Version) -> None:
    """Make a version's served form of its weights, and store it beside them.

    Its answers are compared with those in float32 on the validation images that it was chosen on.

    Raises:
        CorruptArtifactError: The version's files are broken.
    """
    artifact = from_files(load_files(state.blobs, version), are_verified=True)
    with state.database.read() as connection:
        known = replayable(connection, artifact.class_names, "validation")
    samples = [known[index] for index in spread_evenly([sample.label for sample in known])]
    source = StoredImages(items_of(samples, artifact.class_names), state.blobs)
    images = PreparedImages(source, augmented(artifact.preprocessing, "none"), settings.limits())
    model = served(artifact, images, engine_settings(settings))
    kept = {name: sha256 for name, sha256 in version.files.items() if name not in _EARLIER_FORMS}
    made = {name: content for name, content in model.to_files().items() if name not in kept}
    files = {**kept, **{name: state.blobs.put(content) for name, content in made.items()}}
    metrics = {**version.metrics, **model.metrics()}
    state.database.write(lambda connection: replace_files(connection, version.version, files, metrics))
    _log.info(
        "%s comes from an earlier release: from now on it is served in %s",
        version.version,
        model.metrics()["served_precision"],
    )
