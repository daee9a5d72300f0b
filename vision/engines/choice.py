"""Which engine runs a version: the fastest that is there and allowed."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass

import torch

from vision.artifact import Artifact, from_files
from vision.engines.cuda_engine import CudaEngine
from vision.engines.engine import Engine
from vision.engines.kind import EngineKind, PrecisionKind
from vision.engines.making import ENGINE_FILE
from vision.engines.onnx_engine import OnnxEngine
from vision.engines.precision import served_precision
from vision.engines.rounded_file import ROUNDED_FILES, engine_from_file, engine_from_weights
from vision.engines.torch_engine import TorchEngine
from vision.errors import EngineUnavailableError
from vision.network import Classifier

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """How to run networks.

    Attributes:
        kind: "torch", "onnxruntime", or "auto": torch where it serves rounded, else ONNX Runtime where the
            version has its file.
        precision: "auto" serves a version in bfloat16 or int8 on a CPU that gains by it, where it was
            judged so.
        device: "cpu" or "cuda"; on CUDA torch runs whatever the kind.
    """

    kind: EngineKind = "auto"
    precision: PrecisionKind = "auto"
    device: str = "cpu"


def load_engine(artifact: Artifact, files: Mapping[str, bytes], settings: EngineSettings) -> Engine:
    """Return what runs an artifact; torch where ONNX Runtime can't, with a warning where it was wanted.

    Args:
        artifact: Of the version; where it is only described, its weights are read if they are needed.
        files: The version's as its blobs were verified, its engine file among them where it has one.
        settings: What to choose.

    Raises:
        CorruptArtifactError: The files are broken, or do not fit the network.
    """

    def whole() -> Artifact:
        return artifact if artifact.state else from_files(files, are_verified=True)

    def build() -> Classifier:
        return whole().build(settings.device, shares_weights=True)

    if torch.device(settings.device).type == "cuda":
        return CudaEngine(build(), artifact.preprocessing.image_size)
    precision = served_precision(artifact, settings.precision, settings.kind)
    if precision != "float32":
        name = ROUNDED_FILES[precision]
        return engine_from_file(artifact, files[name]) if name in files else engine_from_weights(whole())
    if settings.kind != "torch":
        if ENGINE_FILE in files:
            try:
                return OnnxEngine(files[ENGINE_FILE])
            except EngineUnavailableError as error:
                _log.warning("torch serves instead of ONNX Runtime: %s", error)
        elif settings.kind == "onnxruntime":
            _log.warning("torch serves instead of ONNX Runtime: this version has no file %s", ENGINE_FILE)
    return TorchEngine(build())
