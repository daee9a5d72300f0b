"""In which precision a network is judged and served on the CPU."""

import logging
import math
from dataclasses import replace
from typing import get_args

import torch
from torch import Tensor, nn

from vision.artifact import Artifact
from vision.engines.kind import EngineKind, Precision, PrecisionKind
from vision.engines.torch_engine import TorchEngine

#: Side of the smallest input in pixels that is faster in bfloat16: smaller ones leave little to multiply.
MIN_IMAGE_SIZE = 96
#: Largest difference of a confidence between bfloat16, which has 8 bits of mantissa, and float32.
MAX_DIFFERENCE = 0.02

_log = logging.getLogger(__name__)


def has_bfloat16() -> bool:
    """Return whether this processor is faster in bfloat16: Intel's with AMX, AMD's since Zen 4.

    Vectors of bfloat16 (AVX-512 BF16) count on AMD's alone: on Intel's torch is slower with them.
    """
    read = getattr(torch.cpu, "get_capabilities", None)
    capabilities = {} if read is None else read()
    has_vectors = bool(capabilities.get("avx512_bf16", False))
    is_from_amd = str(capabilities.get("cpu_name", "")).startswith("AMD")
    return bool(capabilities.get("amx_bf16", False)) or (has_vectors and is_from_amd)


def wanted_precision(precision: PrecisionKind, kind: EngineKind, device: str) -> Precision:
    """Return the precision to judge and serve new versions in, where they bear it."""
    may_be_less = precision == "auto" and kind != "onnxruntime" and torch.device(device).type == "cpu"
    return "bfloat16" if may_be_less and has_bfloat16() else "float32"


def serves_in_bfloat16(artifact: Artifact, precision: PrecisionKind, kind: EngineKind) -> bool:
    """Return whether this machine's CPU runs an artifact in bfloat16: as it was judged, and no other."""
    return artifact.precision == "bfloat16" and wanted_precision(precision, kind, "cpu") == "bfloat16"


def in_precision(artifact: Artifact, images: Tensor, wanted: Precision) -> Artifact:
    """Return an artifact in the wanted precision where it gains by that and bears it; else in float32.

    A warning tells of one that gains and doesn't bear it.

    Args:
        artifact: What is going to be judged and served.
        images: Real ones, prepared, float32 (N, 3, H, W); a few dozen tell enough.
        wanted: What `wanted_precision` says.
    """
    exact = replace(artifact, precision="float32")
    if wanted == "float32" or not gains_by_bfloat16(artifact):
        return exact
    difference = bfloat16_difference(artifact, images)
    if difference <= MAX_DIFFERENCE:
        return replace(artifact, precision="bfloat16")
    how = f"a confidence differs by {difference:.2g}" if math.isfinite(difference) else "it is no number"
    _log.warning(
        "this version stays in float32: in bfloat16 %s on %d images, expected %g at most",
        how,
        len(images),
        MAX_DIFFERENCE,
    )
    return exact


def bfloat16_difference(artifact: Artifact, images: Tensor) -> float:
    """Return the largest difference of a confidence to float32 on images; infinite where one is NaN."""
    exact, rounded = (
        torch.softmax(
            TorchEngine(artifact.build("cpu", shares_weights=True), precision)(images)[0]
            / artifact.temperature,
            dim=1,
        )
        for precision in get_args(Precision)
    )
    difference = float((exact - rounded).abs().max())
    return math.inf if math.isnan(difference) else difference


def gains_by_bfloat16(artifact: Artifact) -> bool:
    """Return whether a network is faster in bfloat16: not with small images or grouped convolutions."""
    if artifact.preprocessing.image_size < MIN_IMAGE_SIZE:
        return False
    modules = artifact.build("cpu", shares_weights=True).modules()
    return not any(isinstance(module, nn.Conv2d) and module.groups > 1 for module in modules)
