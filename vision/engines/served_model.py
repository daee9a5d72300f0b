"""Prepares an artifact as it will be judged and served: with its form and its engine."""

import logging
from dataclasses import dataclass, replace

from torch import Tensor

from vision.artifact import Artifact, to_files
from vision.batches import LabelledTensors
from vision.engines.choice import EngineSettings, load_engine, own_compiled_file
from vision.engines.engine import Engine
from vision.engines.kind import Precision
from vision.engines.openvino_engine import OpenVinoEngine
from vision.engines.served_form import ServedForm, make_form
from vision.errors import EngineUnavailableError

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A version's artifact together with the engine that runs it.

    Attributes:
        artifact: With its weights.
        engine: Runs it here in the same way as in serving.
        form: To be stored beside the weights; None if torch runs it, or if the version is stored already.
    """

    artifact: Artifact
    engine: Engine
    form: ServedForm | None = None

    def to_files(self) -> dict[str, bytes]:
        """Return all that is stored of a new version, by name."""
        files = to_files(self.artifact)
        if self.form is not None:
            files |= self.form.to_files()
        if self.form is not None and isinstance(self.engine, OpenVinoEngine):
            # Workers on processors like this one then needn't compile it.
            files[own_compiled_file(self.form.precision)] = self.engine.export()
        return files

    def metrics(self) -> dict[str, str | float]:
        """Return how a new version is served, for its metrics; the share of changed answers is a fraction."""
        if self.form is None:
            return {"served_precision": "float32"}
        return {"served_precision": self.form.precision, "share_changed": self.form.share_changed}


def served(
    artifact: Artifact,
    images: LabelledTensors,
    settings: EngineSettings,
    unseen: Tensor | None = None,
    like: Precision | None = None,
) -> ServedModel:
    """Return a new artifact as it will be judged and served.

    Args:
        artifact: With its weights.
        images: Prepared ones that nothing is judged on, `spread_evenly`.
        settings: Those that it will be served with.
        unseen: See `make_form`.
        like: Likewise.
    """
    if settings.uses_openvino:
        try:
            form = make_form(artifact, images, settings.precision, settings.threads, unseen, like)
            return ServedModel(artifact, form.engine(settings.threads), form)
        except EngineUnavailableError as error:
            _log.warning("torch serves this version: %s", error)
    return ServedModel(artifact, load_engine(artifact, {}, replace(settings, kind="torch")))
