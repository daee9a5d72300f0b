"""Says which precisions this machine's processor is fast in."""

import platform
from collections.abc import Mapping
from hashlib import sha256

import torch
from torch import nn

from vision.engines.kind import Precision
from vision.network import Classifier

#: Side in pixels of the smallest input that is rounded: with smaller ones there is little to multiply.
MIN_IMAGE_SIZE = 96

# These add up products of 8-bit integers in 32 bits: AVX-512 VNNI, AVX VNNI, AMX, Arm's dot product.
_DOT_PRODUCTS = ("avx512_vnni", "avx_vnni", "amx_int8", "dot")


def precisions_to_try() -> tuple[Precision, ...]:
    """Return the precisions to try in serving, the fastest first; float32 remains if none of them is fit.

    Every processor is faster with 8-bit integers (`benchmarks/results/precision.json`); with bfloat16 only
    those that multiply it.
    """
    return ("int8", "bfloat16") if _multiplies_bfloat16() else ("int8",)


def has_dot_product() -> bool:
    """Return whether sums of products of 8-bit integers are exact.

    Without it (AVX2) the sums pass through 16 bits, which full 8-bit weights overflow.
    """
    capabilities = _capabilities()
    return any(capabilities.get(name, False) for name in _DOT_PRODUCTS)


def training_precision(classifier: Classifier, image_size: int) -> Precision:
    """Return the precision in which torch trains a network fastest on this processor.

    That is bfloat16 on Intel's with AMX and on AMD's since Zen 4, except for small images and grouped
    convolutions. Vectors of bfloat16 (AVX-512 BF16) count only on AMD's: on Intel's they make torch slower.
    """
    capabilities = _capabilities()
    is_from_amd = str(capabilities.get("cpu_name", "")).startswith("AMD")
    has_vectors = is_from_amd and bool(capabilities.get("avx512_bf16", False))
    is_grouped = any(isinstance(module, nn.Conv2d) and module.groups > 1 for module in classifier.modules())
    gains = image_size >= MIN_IMAGE_SIZE and not is_grouped
    return "bfloat16" if gains and (has_vectors or capabilities.get("amx_bf16", False)) else "float32"


def processor_kind(release: str) -> str:
    """Return a short name for processors like this one, together with a release of their compiler."""
    capabilities = _capabilities()
    flags = sorted(name for name, is_there in capabilities.items() if is_there is True)
    # If a processor reports nothing, the machine's name stands for it, so that no other is taken for it.
    text = " ".join([release, platform.machine(), *(flags or [platform.node()])])
    return sha256(text.encode()).hexdigest()[:12]


def _multiplies_bfloat16() -> bool:
    capabilities = _capabilities()
    return any(capabilities.get(name, False) for name in ("avx512_bf16", "amx_bf16"))


def _capabilities() -> Mapping[str, bool | str | int]:
    # Not in every torch that we allow.
    read = getattr(torch.cpu, "get_capabilities", None)
    return {} if read is None else read()
