"""Chooses the engine that runs a version on this machine."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import get_args

import torch

from vision.artifact import Artifact, from_files
from vision.engines.engine import Engine
from vision.engines.kind import EngineKind, Precision, PrecisionKind, compiled_file
from vision.engines.openvino_engine import OpenVinoEngine, Threads, build_engine, convert, openvino
from vision.engines.processor import processor_kind
from vision.engines.served_form import ServedForm, read_form
from vision.engines.torch_engine import CudaEngine, TorchEngine
from vision.errors import EngineUnavailableError

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """How to run networks.

    Attributes:
        kind: "openvino", "torch", or "auto", which is OpenVINO if it is installed.
        precision: "auto" is the precision that a version was judged in; "float32" rounds nothing.
        device: "cpu" or "cuda"; on CUDA torch runs, whatever the kind.
        threads: Those of OpenVINO.
    """

    kind: EngineKind = "auto"
    precision: PrecisionKind = "auto"
    device: str = "cpu"
    threads: Threads = field(default_factory=Threads)

    @property
    def uses_openvino(self) -> bool:
        """Whether OpenVINO is to run networks, if it is installed."""
        return self.kind != "torch" and torch.device(self.device).type == "cpu"


def load_engine(artifact: Artifact, files: Mapping[str, bytes], settings: EngineSettings) -> Engine:
    """Return the engine of a version's served form, or, if that can't run here, one made of its weights.

    Args:
        artifact: The version's; if it lacks its weights, they are read when they are needed.
        files: The version's files, whose hashes were verified.
        settings: What to choose.

    Raises:
        CorruptArtifactError: The files are broken, or do not fit the network.
    """
    if settings.uses_openvino:
        try:
            return _compiled_before(files, settings) or _form(artifact, files, settings).engine(
                settings.threads
            )
        except EngineUnavailableError as error:
            _log.warning("torch serves instead of OpenVINO: %s", error)
    classifier = _with_weights(artifact, files).build(settings.device, shares_weights=True)
    if torch.device(settings.device).type == "cuda":
        return CudaEngine(classifier, artifact.preprocessing.image_size)
    return TorchEngine(classifier)


def own_compiled_file(precision: Precision) -> str:
    """Return the name of the file that holds a form compiled for processors like this one."""
    return compiled_file(precision, processor_kind(openvino().__version__))


def _compiled_before(files: Mapping[str, bytes], settings: EngineSettings) -> OpenVinoEngine | None:
    precisions: tuple[Precision, ...] = ("float32",)
    if settings.precision == "auto":
        precisions = get_args(Precision)
    for precision in precisions:
        if (name := own_compiled_file(precision)) in files:
            try:
                return build_engine(files[name], precision, settings.threads)
            except EngineUnavailableError as error:
                _log.warning("a version's form is compiled again: %s", error)
    return None


def _form(artifact: Artifact, files: Mapping[str, bytes], settings: EngineSettings) -> ServedForm:
    try:
        form = read_form(files)
        if form is not None and form.runs_here() and settings.precision in ("auto", form.precision):
            return form
        reason = (
            "it has none" if form is None else f"in {form.precision} it is not wanted, or can't run, here"
        )
    except EngineUnavailableError as error:
        reason = str(error)
    _log.warning("a version's served form is made of its weights, in float32, at each start: %s", reason)
    size = artifact.preprocessing.image_size
    return ServedForm(convert(_with_weights(artifact, files).build(shares_weights=True), size), "float32")


def _with_weights(artifact: Artifact, files: Mapping[str, bytes]) -> Artifact:
    return artifact if artifact.state else from_files(files, are_verified=True)
