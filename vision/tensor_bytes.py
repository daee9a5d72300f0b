"""Named tensors as the bytes of a safetensors file, and back."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import safetensors.torch
import torch
from torch import Tensor

#: Of the format's names for types, those that artifacts hold.
_TYPES = {
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I8": torch.int8,
}


def to_bytes(tensors: Mapping[str, Tensor]) -> bytes:
    """Return tensors of any device as one safetensors file; the same tensors give the same bytes."""
    # Clones, because safetensors refuses tensors that share memory.
    return safetensors.torch.save(
        {name: tensor.detach().cpu().clone().contiguous() for name, tensor in tensors.items()}
    )


def from_bytes(content: bytes) -> dict[str, Tensor]:
    """Return the tensors of a safetensors file, on the CPU.

    The library's `load` copies all of them while it holds the interpreter's lock, so that a server that loads
    a ResNet-18 answers nobody for 35 to 73 ms. Here each is copied without it.

    Raises:
        ValueError: The bytes are no such file, or hold types that artifacts don't.
    """
    length = int.from_bytes(content[:8], "little")
    try:
        described = dict(json.loads(content[8 : 8 + length]))
        described.pop("__metadata__", None)
        return {name: _tensor(content, 8 + length, each) for name, each in described.items()}
    except (ValueError, KeyError, TypeError, RuntimeError) as error:
        raise ValueError(f"expected tensors as safetensors, found other bytes: {error!r}") from error


def _tensor(content: bytes, offset: int, described: Mapping[str, Any]) -> Tensor:
    tensor = torch.empty(described["shape"], dtype=_TYPES[described["dtype"]])
    begin, end = described["data_offsets"]
    if end - begin != tensor.nbytes:
        raise ValueError(f"expected {tensor.nbytes} bytes of a tensor, found {end - begin}")
    if tensor.nbytes:
        # numpy gives up the lock while it copies.
        own = tensor.reshape(-1).view(torch.uint8).numpy()
        np.copyto(own, np.frombuffer(content, np.uint8, tensor.nbytes, offset + begin))
    return tensor
