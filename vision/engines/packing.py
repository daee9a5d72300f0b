"""Networks as oneDNN runs them fastest: weights packed ahead, activations and sums within convolutions.

The operators are the ones that torch's compiler emits. They aren't documented, so a network is tried with
them, and runs as it is where they are missing or answer something else.
"""

from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn
from torchvision.models.resnet import BasicBlock, Bottleneck, ResNet

from vision.engines.residual_block import Block, convolutions_of, shortcut_of

_Activation = Literal["none", "relu"]


def is_available(dtype: torch.dtype = torch.float32) -> bool:
    """Return whether this torch has the operators, and this processor what they need for a data type."""
    names = ("_convolution_pointwise", "_reorder_convolution_weight", "_is_mkldnn_bf16_supported")
    if not torch.backends.mkldnn.is_available() or not all(hasattr(torch.ops.mkldnn, name) for name in names):  # type: ignore[no-untyped-call]  # torch leaves it without types
        return False
    return dtype != torch.bfloat16 or bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def pack(network: nn.Module) -> None:
    """Replace a network's convolutions, with what follows them, by packed ones, in place.

    Batch normalisation is folded already, the precision chosen, the network on the CPU.
    """
    for parent in list(network.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, BasicBlock | Bottleneck):
                setattr(parent, name, _Residual(child))
    for parent in list(network.modules()):
        _pack_children(parent)


def _pack_children(parent: nn.Module) -> None:
    """Pack a module's own convolutions, each with the ReLU that runs right behind it."""
    is_in_order = isinstance(parent, nn.Sequential | ResNet)
    children = [each for each in parent.named_children() if not isinstance(each[1], nn.Identity)]
    for (name, child), (next_name, next_child) in pairwise([*children, ("", nn.Identity())]):
        # A class below it, such as timm's with borders that depend on the image, does more than convolve.
        if type(child) is not nn.Conv2d:
            continue
        has_relu = is_in_order and isinstance(next_child, nn.ReLU)
        setattr(parent, name, Packed(child, "relu" if has_relu else "none"))
        if has_relu:
            setattr(parent, next_name, nn.Identity())


class Packed(nn.Module):
    """A convolution whose weights lie as oneDNN wants them, with the sum and the activation behind it.

    How it wants them depends on the size of what is convolved, so they are laid out for the first image.
    """

    def __init__(self, plain: nn.Conv2d, activation: _Activation) -> None:
        super().__init__()
        if plain.padding_mode != "zeros" or isinstance(plain.padding, str):
            raise RuntimeError(f"Expected zeros around the image, found {plain}.")
        self._geometry = (plain.padding, plain.stride, plain.dilation, plain.groups)
        self._activation = activation
        self._bias = None if plain.bias is None else plain.bias.detach()
        self._weight: Tensor = plain.weight.detach()

    def forward(self, images: Tensor, added: Tensor | None = None) -> Tensor:
        """Return the activation of the convolution, or of its sum with `added`."""
        run = torch.ops.mkldnn._convolution_pointwise
        how = (self._laid_out(images), self._bias, *self._geometry)
        result: Tensor
        if added is None:
            result = run(images, *how, self._activation, [], "")
        else:
            result = run.binary(images, added, *how, "add", 1.0, self._activation, [], "")
        return result

    def _laid_out(self, images: Tensor) -> Tensor:
        # Read once: of two threads that begin together each lays out its own, and one of them is kept.
        weight = self._weight
        if not weight.is_mkldnn:
            size = (1, *images.shape[1:])
            weight = torch.ops.mkldnn._reorder_convolution_weight(weight, *self._geometry, size)
            self._weight = weight
        return weight


class _Residual(nn.Module):
    """A block of a ResNet in as many steps as it has convolutions."""

    def __init__(self, block: Block) -> None:
        super().__init__()
        plain, shortcut = convolutions_of(block).values(), shortcut_of(block)
        self.convolutions = nn.ModuleList(Packed(each, "relu") for each in plain)
        self.shortcut = None if shortcut is None else Packed(shortcut, "none")

    def forward(self, images: Tensor) -> Tensor:
        """Return what the block returns."""
        added = images if self.shortcut is None else self.shortcut(images)
        *inner, last = self.convolutions
        for convolution in inner:
            images = convolution(images)
        result: Tensor = last(images, added)
        return result
