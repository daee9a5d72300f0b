"""Pretrained weights: fetched once into torch hub's cache, or read from a file."""

import os
import re
import tempfile
import urllib.request
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor, nn
from torchvision.models import WeightsEnum  # type: ignore[attr-defined]

from vision.errors import WeightsMismatchError, WeightsUnavailableError
from vision.zoo import Backbone

_TIMEOUT_SECONDS = 20.0
_CHUNK_BYTES = 1 << 20
# DenseNet checkpoints from before torchvision 0.4 write "norm.1" for "norm1".
_OLD_DENSENET_NAME = re.compile(r"(denselayer\d+\.(?:norm|relu|conv))\.(\d)")


def pretrained_network(backbone: Backbone) -> nn.Module:
    """Return torchvision's network with its ImageNet weights, fetching them where they are not cached.

    Raises:
        WeightsUnavailableError: They are not cached and could not be fetched.
    """
    # torch hub's own download has no time-out, so on a network that drops packets it would hang for minutes.
    _fetch(backbone.weights)
    network: nn.Module = backbone.builder(weights=backbone.weights, progress=False)
    return network


def cached_file(weights: WeightsEnum) -> Path:
    """Return where torch hub keeps these weights, whether they are there or not."""
    return Path(torch.hub.get_dir()) / "checkpoints" / str(weights.url).rsplit("/", 1)[-1]


def _fetch(weights: WeightsEnum) -> None:
    target = cached_file(weights)
    if target.exists():
        return
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=target.parent, delete=False) as partial:
            digest = sha256()
            try:
                with urllib.request.urlopen(str(weights.url), timeout=_TIMEOUT_SECONDS) as response:
                    while chunk := response.read(_CHUNK_BYTES):
                        partial.write(chunk)
                        digest.update(chunk)
                _check_digest(target.name, digest.hexdigest())
                partial.flush()
                os.replace(partial.name, target)
            except BaseException:
                os.unlink(partial.name)
                raise
    except OSError as error:
        raise WeightsUnavailableError(
            f"The pretrained weights {weights} could not be fetched from {weights.url} ({error}). "
            "Connect to the internet and retry, or use --weights FILE with a file that you have, "
            "or --weights none to train from scratch."
        ) from error


def _check_digest(name: str, hexdigest: str) -> None:
    expected = re.search(r"-([a-f0-9]+)\.", name)
    if expected and not hexdigest.startswith(expected.group(1)):
        raise OSError(f"the download is damaged: its SHA-256 begins {hexdigest[:8]}, not {expected.group(1)}")


def load_body(network: nn.Module, backbone: Backbone, path: Path) -> None:
    """Load a file's weights into everything but the head of a torchvision network.

    Args:
        network: torchvision's network of this backbone.
        backbone: Its entry in the zoo.
        path: safetensors, or a torch state dict (read without running any pickled code).

    Raises:
        WeightsUnavailableError: There is no such file.
        WeightsMismatchError: It can't be read, or holds another network's weights.
    """
    state = {_modern_name(name): tensor for name, tensor in _read(path).items()}
    own = network.state_dict()
    body = {name for name in own if not name.startswith(f"{backbone.head}.")}
    # Counters of batches seen are missing from the oldest checkpoints, and no output depends on them.
    missing = sorted(name for name in body - state.keys() if not name.endswith("num_batches_tracked"))
    misshapen = sorted(name for name in body & state.keys() if own[name].shape != state[name].shape)
    if missing or misshapen:
        raise WeightsMismatchError(
            f"Expected weights of {backbone.name} in {path}, but {len(missing)} of {len(body)} tensors are "
            f"missing and {len(misshapen)} have another shape (such as {(missing + misshapen)[0]!r}). "
            "Give --backbone the network that the file was made with."
        )
    network.load_state_dict({name: state[name] for name in body & state.keys()}, strict=False)


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
