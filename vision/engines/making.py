"""Makes a version's engine files once, and checks them on real images, so that workers only load."""

import logging
import math
from dataclasses import dataclass

import torch
from torch import Tensor

from vision.artifact import Artifact
from vision.batches import LabelledTensors, load
from vision.engines.kind import EngineKind
from vision.engines.onnx_engine import OnnxEngine, export
from vision.engines.precision import rounding_difference, served_precision
from vision.engines.rounded_file import ROUNDED_FILES, to_file
from vision.errors import EngineUnavailableError

ENGINE_FILE = "engine.onnx"
#: Largest difference of a confidence between an engine and torch.
MAX_DIFFERENCE = 1e-3
_NUM_IMAGES = 64

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class EngineFiles:
    """What workers load beside the artifact.

    Attributes:
        files: By name; empty where torch is to serve in float32.
        largest_difference: Of a confidence on the images, between what serves and torch in float32; None
            where that serves.
        problem: Why torch has to serve though another engine was wanted.
    """

    files: dict[str, bytes]
    largest_difference: float | None
    problem: str | None = None


def engine_files(
    artifact: Artifact, images: Tensor, kind: EngineKind = "auto", device: str = "cpu"
) -> EngineFiles:
    """Write an artifact as it will be served: rounded, or for ONNX Runtime if that answers as torch does.

    Args:
        artifact: What is going to be served.
        images: Real ones, prepared, float32 (N, 3, H, W); a few dozen tell enough.
        kind: What the workers are told to use.
        device: Where they run.
    """
    is_on_cpu = torch.device(device).type == "cpu"
    if is_on_cpu and (precision := served_precision(artifact, "auto", kind)) != "float32":
        # Faster than ONNX Runtime.
        return EngineFiles(
            {ROUNDED_FILES[precision]: to_file(artifact)}, rounding_difference(artifact, images)
        )
    if kind == "torch" or not is_on_cpu:
        return EngineFiles({}, None)
    classifier = artifact.build("cpu")
    try:
        exported = export(classifier, images)
        engine = OnnxEngine(exported)
    except EngineUnavailableError as error:
        _log.warning("torch serves this version: %s", error)
        return EngineFiles({}, None, str(error))
    with torch.inference_mode():
        own = torch.softmax(classifier(images) / artifact.temperature, dim=1)
    difference = max(
        _difference(engine, part, answers, artifact.temperature)
        # Alone and together: batches come in all sizes.
        for part, answers in ((images[:1], own[:1]), (images, own))
    )
    if difference > MAX_DIFFERENCE:
        how = f"a confidence differs by {difference:.2g}" if math.isfinite(difference) else "it fails"
        problem = (
            f"ONNX Runtime answers differently on {len(images)} images: {how}, expected a difference of "
            f"{MAX_DIFFERENCE:g} at most."
        )
        _log.warning("torch serves this version: %s", problem)
        return EngineFiles({}, difference if math.isfinite(difference) else None, problem)
    return EngineFiles({ENGINE_FILE: exported}, difference)


def _difference(engine: OnnxEngine, images: Tensor, own: Tensor, temperature: float) -> float:
    """Return the largest difference to confidences (N, C); infinite where the engine fails or says NaN."""
    try:
        logits, _ = engine(images)
    except Exception:  # noqa: BLE001  the runtime's own share no base but this, and torch serves anyway
        _log.exception("the exported network fails on a batch of %d", len(images))
        return math.inf
    difference = float((own - torch.softmax(logits / temperature, dim=1)).abs().max())
    return math.inf if math.isnan(difference) else difference


def some_images(images: LabelledTensors) -> Tensor:
    """Return as many images (N, 3, H, W) of a set as an engine is checked on, 64 at most."""
    tensors, _ = next(load(images, [range(min(len(images), _NUM_IMAGES))]))
    return tensors
