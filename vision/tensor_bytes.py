"""Named tensors as the bytes of a safetensors file, and back."""

from collections.abc import Mapping

import safetensors.torch
from safetensors import SafetensorError
from torch import Tensor


def to_bytes(tensors: Mapping[str, Tensor]) -> bytes:
    """Return tensors of any device as one safetensors file; the same tensors give the same bytes."""
    # Clones, because safetensors refuses tensors that share memory.
    return safetensors.torch.save(
        {name: tensor.detach().cpu().clone().contiguous() for name, tensor in tensors.items()}
    )


def from_bytes(content: bytes) -> dict[str, Tensor]:
    """Return the tensors of a safetensors file, on the CPU.

    Raises:
        ValueError: The bytes are no such file.
    """
    try:
        return safetensors.torch.load(content)
    except SafetensorError as error:
        raise ValueError(f"expected tensors as safetensors, found other bytes: {error}") from error
