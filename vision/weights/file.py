"""Loads weights from a user's file."""

import re
from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from vision.errors import WeightsMismatchError, WeightsUnavailableError

# DenseNet checkpoints from before torchvision 0.4 write "norm.1" for "norm1".
_OLD_DENSENET_NAME = re.compile(r"(denselayer\d+\.(?:norm|relu|conv))\.(\d)")


def load_body(network: nn.Module, name: str, head: str, path: Path) -> None:
    """Load a file's weights into everything but the head of a torchvision network.

    Args:
        network: The backbone's network.
        name: The backbone's, for the message.
        head: Path of the head, whose weights are left as they are.
        path: safetensors, or a torch state dict (read without running any pickled code).

    Raises:
        WeightsUnavailableError: There is no such file.
        WeightsMismatchError: It can't be read, or holds another network's weights.
    """
    state = {_modern_name(name): tensor for name, tensor in _read(path).items()}
    own = network.state_dict()
    body = {each for each in own if not each.startswith(f"{head}.")}
    # The oldest checkpoints lack the counters of batches, on which no output depends.
    missing = sorted(each for each in body - state.keys() if not each.endswith("num_batches_tracked"))
    misshapen = sorted(each for each in body & state.keys() if own[each].shape != state[each].shape)
    if missing or misshapen:
        raise WeightsMismatchError(
            f"Expected weights of {name} in {path}, but {len(missing)} of {len(body)} tensors are "
            f"missing and {len(misshapen)} have another shape (such as {(missing + misshapen)[0]!r}). "
            "Give --backbone the network that the file was made with."
        )
    network.load_state_dict({each: state[each] for each in body & state.keys()}, strict=False)


def _read(path: Path) -> dict[str, Tensor]:
    if not path.is_file():
        raise WeightsUnavailableError(f"Expected a weights file at {path}, found none. Name an existing one.")
    try:
        if path.suffix == ".safetensors":
            return safetensors.torch.load_file(path)
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except (SafetensorError, UnpicklingError, RuntimeError, EOFError, ValueError, KeyError) as error:
        raise WeightsMismatchError(
            f"Expected safetensors or a torch state dict in {path}, but it can't be read ({error})."
        ) from error
    return _tensors(loaded, path)


def _tensors(loaded: Any, path: Path) -> dict[str, Tensor]:
    if isinstance(loaded, Mapping) and isinstance(loaded.get("state_dict"), Mapping):
        loaded = loaded["state_dict"]
    if not isinstance(loaded, Mapping) or not all(isinstance(value, Tensor) for value in loaded.values()):
        raise WeightsMismatchError(
            f"Expected a state dict (names to tensors) in {path}, found {type(loaded).__name__}. "
            "Save it with torch.save(network.state_dict(), …)."
        )
    return dict(loaded)


def _modern_name(name: str) -> str:
    return _OLD_DENSENET_NAME.sub(r"\1\2", name.removeprefix("module."))
