"""Loads the backbone that comes with Perennial: ResNet-18, for machines that can download nothing.

`MODEL_CARD.md` beside it describes its training images, recipe, licence and limits; `benchmarks/backbone`
trains it again.
"""

import json
from pathlib import Path

import torch
from safetensors import safe_open
from torch import Tensor, nn
from torchvision.models import resnet18

from vision.errors import WeightsUnavailableError

BACKBONE = "resnet18"
FILE = Path(__file__).parent / "resnet18-tiny-imagenet.safetensors"
#: Side in pixels of the pictures that it was trained on.
IMAGE_SIZE = 64


def bundled_network(backbone: str = BACKBONE) -> nn.Module:
    """Return the network with its weights, its own head included.

    Raises:
        WeightsUnavailableError: Another backbone is asked for, or the file is not in this installation.
    """
    if backbone != BACKBONE:
        raise WeightsUnavailableError(
            f"Expected the backbone {BACKBONE} with --weights bundled, got {backbone}: only one is bundled. "
            f"Use --backbone {BACKBONE}, or other weights."
        )
    state = _read()
    network: nn.Module = resnet18(num_classes=len(state["fc.bias"]))
    # The file holds half precision to save space; networks compute in single precision.
    network.load_state_dict({name: _widened(tensor) for name, tensor in state.items()})
    return network


def bundled_class_names() -> tuple[str, ...]:
    """Return the names of the own head's classes, in the order of its outputs.

    Raises:
        WeightsUnavailableError: The file is not in this installation.
    """
    _require_file()
    with safe_open(FILE, framework="pt") as file:
        return tuple(json.loads(file.metadata()["class_names"]))


def _require_file() -> None:
    if not FILE.is_file():
        raise WeightsUnavailableError(
            f"Expected the bundled weights at {FILE}, found none: this installation is incomplete. "
            "Install Perennial again, or use other weights."
        )


def _read() -> dict[str, Tensor]:
    _require_file()
    with safe_open(FILE, framework="pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (it is no mapping)


def _widened(tensor: Tensor) -> Tensor:
    return tensor.to(torch.float32) if tensor.is_floating_point() else tensor
