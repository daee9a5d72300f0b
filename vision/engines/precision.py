"""In which precision a network is judged and served on the CPU."""

import logging
import math
from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor, nn

from vision.artifact import Artifact
from vision.engines import quantizing
from vision.engines.folding import folded
from vision.engines.kind import EngineKind, Precision, PrecisionKind
from vision.engines.rounded_file import engine_from_weights
from vision.engines.torch_engine import TorchEngine

#: Side of the smallest input in pixels that is served rounded: smaller ones leave little to multiply.
MIN_IMAGE_SIZE = 96
#: Largest difference of a confidence to float32: bfloat16 has 8 bits of mantissa, an integer 8 in all.
MAX_DIFFERENCE: Mapping[Precision, float] = {"bfloat16": 0.02, "int8": 0.05}

_log = logging.getLogger(__name__)


def has_bfloat16() -> bool:
    """Return whether this processor is faster in bfloat16: Intel's with AMX, AMD's since Zen 4.

    Vectors of bfloat16 (AVX-512 BF16) count on AMD's alone: on Intel's torch is slower with them.
    """
    capabilities = _capabilities()
    has_vectors = bool(capabilities.get("avx512_bf16", False))
    is_from_amd = str(capabilities.get("cpu_name", "")).startswith("AMD")
    return bool(capabilities.get("amx_bf16", False)) or (has_vectors and is_from_amd)


def has_int8() -> bool:
    """Return whether this processor multiplies and adds vectors of 8-bit integers at once (AVX-512 VNNI)."""
    return bool(_capabilities().get("avx512_vnni", False)) and quantizing.is_available()


def wanted_precision(precision: PrecisionKind, kind: EngineKind, device: str) -> Precision:
    """Return the precision to judge and serve new versions in, where they bear it."""
    if precision != "auto" or kind == "onnxruntime" or torch.device(device).type != "cpu":
        return "float32"
    if has_bfloat16():
        return "bfloat16"
    return "int8" if has_int8() else "float32"


def served_precision(artifact: Artifact, precision: PrecisionKind, kind: EngineKind) -> Precision:
    """Return what this machine's CPU runs an artifact in: what it was judged in, or else float32."""
    is_wanted = artifact.precision == wanted_precision(precision, kind, "cpu")
    return artifact.precision if is_wanted else "float32"


def in_precision(artifact: Artifact, images: Tensor, wanted: Precision) -> Artifact:
    """Return an artifact in the wanted precision where it gains by that and bears it; else in float32.

    A warning tells of one that gains and doesn't bear it.

    Args:
        artifact: What is going to be judged and served.
        images: Real ones, prepared, float32 (N, 3, H, W); a few dozen tell enough.
        wanted: What `wanted_precision` says.
    """
    exact = artifact.in_float32()
    if wanted == "float32" or not gains_by(artifact, wanted):
        return exact
    result = rounded(exact, images, wanted)
    difference = rounding_difference(result, images)
    if difference <= MAX_DIFFERENCE[wanted]:
        return result
    how = (
        f"a confidence differs by {difference:.2g}"
        if math.isfinite(difference)
        else "it fails or is no number"
    )
    _log.warning(
        "this version stays in float32: in %s %s on %d images, expected %g at most",
        wanted,
        how,
        len(images),
        MAX_DIFFERENCE[wanted],
    )
    return exact


def rounded(artifact: Artifact, images: Tensor, wanted: Precision) -> Artifact:
    """Return an artifact as one in a precision that it gains by, whether it bears that or not."""
    if wanted != "int8":
        return replace(artifact.in_float32(), precision=wanted)
    found = quantizing.observe(folded(artifact.build("cpu", shares_weights=True)), images)
    # Others may be brighter or darker than these.
    ranges = {**found, quantizing.IMAGES: artifact.preprocessing.bounds()}
    return replace(artifact, precision=wanted, ranges=ranges)


def rounding_difference(artifact: Artifact, images: Tensor) -> float:
    """Return the largest difference of a confidence to float32 on images; infinite where one is NaN.

    It is infinite too where this torch fails in that precision: its operators are not documented.
    """
    engines = TorchEngine(artifact.build("cpu", shares_weights=True)), engine_from_weights(artifact)
    try:
        exact, found = (torch.softmax(engine(images)[0] / artifact.temperature, dim=1) for engine in engines)
    except RuntimeError:
        _log.exception("a network fails in %s", artifact.precision)
        return math.inf
    difference = float((exact - found).abs().max())
    return math.inf if math.isnan(difference) else difference


def gains_by(artifact: Artifact, precision: Precision) -> bool:
    """Return whether a network is faster in a precision: not with small images or grouped convolutions."""
    if precision == "float32" or artifact.preprocessing.image_size < MIN_IMAGE_SIZE:
        return False
    network = folded(artifact.build("cpu", shares_weights=True))
    if precision == "int8":
        return quantizing.is_quantizable(network)
    return not any(isinstance(module, nn.Conv2d) and module.groups > 1 for module in network.modules())


def _capabilities() -> Mapping[str, bool | str | int]:
    read = getattr(torch.cpu, "get_capabilities", None)
    return {} if read is None else read()
