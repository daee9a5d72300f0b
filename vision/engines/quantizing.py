"""ResNets in 8-bit integers, by oneDNN's convolutions: weights and activations rounded, sums exact.

Post-training quantisation as Jacob et al. 2018 have it (arXiv:1712.05877): weights symmetric with a scale for
each output channel, activations with one for each tensor, from the ranges that real images give. The head
stays in float32. The operators are the ones that torch's compiler emits; they aren't documented.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torchvision.models.resnet import BasicBlock, Bottleneck, ResNet

from vision.batches import in_parts
from vision.engines.engine import Answering
from vision.engines.residual_block import Block, convolutions_of, shortcut_of

#: By what gives a tensor: its smallest and its largest number. `IMAGES` are what the network is given.
Ranges = Mapping[str, tuple[float, float]]

IMAGES = "images"
_STEPS = 255
_WEIGHT_STEPS = 127
# Of what is nothing but zeros.
_SMALLEST = 1e-8
_BLOCKS = (BasicBlock, Bottleneck)


def is_available() -> bool:
    """Return whether this torch has the operators."""
    return all(hasattr(torch.ops.onednn, name) for name in ("qconv_prepack", "qconv2d_pointwise"))


def is_quantizable(network: Answering) -> bool:
    """Return whether a network is a ResNet, folded, of blocks without grouped convolutions."""
    body = network.classifier.network
    if type(body) is not ResNet or not all(isinstance(block, _BLOCKS) for _, block in _blocks(body)):
        return False
    return not any(
        isinstance(module, nn.BatchNorm2d) or (isinstance(module, nn.Conv2d) and module.groups > 1)
        for module in body.modules()
    )


def observe(network: Answering, images: Tensor) -> dict[str, tuple[float, float]]:
    """Return the ranges to which a quantizable network's activations come on images (N, 3, H, W)."""
    body = _body(network)
    ranges = {IMAGES: (float(images.min()), float(images.max()))}
    watched = {
        name: module for name, module in body.named_modules() if isinstance(module, (nn.Conv2d, *_BLOCKS))
    }

    def widen(name: str, found: Tensor) -> None:
        low, high = ranges.get(name, (0.0, 0.0))
        # What is no number, or infinite, shows when answers are compared with those in float32.
        ends = [each if math.isfinite(each) else 0.0 for each in (float(found.min()), float(found.max()))]
        ranges[name] = (min(low, *ends), max(high, *ends))

    handles = [
        module.register_forward_hook(lambda module, given, found, name=name: widen(name, found))
        for name, module in watched.items()
    ]
    try:
        with torch.inference_mode():
            for part in in_parts(images):
                network(part)
    finally:
        for handle in handles:
            handle.remove()
    return ranges


def quantize(network: Answering, ranges: Ranges) -> None:
    """Replace a quantizable network's body, in place; on the meta device names and shapes alone.

    Raises:
        KeyError: The ranges are another network's.
    """
    network.classifier.network = QuantizedResNet(_body(network), ranges)


@dataclass(frozen=True, slots=True)
class Grid:
    """The 256 numbers that a tensor's bytes stand for: (byte - zero_point) * scale."""

    scale: float
    zero_point: int

    def round(self, numbers: Tensor) -> Tensor:
        """Return the nearest bytes of images (N, C, H, W), uint8, channels last."""
        # Half a step, since what follows cuts off; one operator less to go through memory.
        offset = torch.tensor(self.zero_point + 0.5)
        steps = torch.add(offset, numbers, alpha=1 / self.scale).clamp_(0, _STEPS)
        return steps.to(torch.uint8, memory_format=torch.channels_last)


class QuantizedResNet(nn.Module):
    """A ResNet without its head, from images (N, 3, H, W) to embeddings (N, D), bytes in between."""

    def __init__(self, plain: ResNet, ranges: Ranges) -> None:
        super().__init__()
        self._images = _grid(*ranges[IMAGES])
        stem = _grid(0.0, ranges["conv1"][1])
        self.stem = Quantized(plain.conv1, self._images, stem, has_relu=True)
        blocks: list[_Residual] = []
        given = stem
        for name, block in _blocks(plain):
            assert isinstance(block, BasicBlock | Bottleneck)  # as `is_quantizable` found
            blocks.append(_Residual(block, name, given, ranges))
            given = blocks[-1].grid
        self.blocks = nn.Sequential(*blocks)
        self._last = given

    def forward(self, images: Tensor) -> Tensor:
        """Return embeddings (N, D) of images (N, 3, H, W), float32."""
        found = _halved(self.stem(self._images.round(images)))
        found = self.blocks(found)
        embeddings: Tensor = found.float().mean(dim=(2, 3)) * self._last.scale
        return embeddings


class Quantized(nn.Module):
    """A convolution of bytes, with the sum and the ReLU behind it.

    How oneDNN wants weights depends on the size of what is convolved: they are laid out for the first image.
    """

    def __init__(
        self, plain: nn.Conv2d, given: Grid, grid: Grid, *, has_relu: bool, added: Grid | None = None
    ) -> None:
        super().__init__()
        assert plain.bias is not None  # of the normalisation that was folded in
        weight = plain.weight.detach()
        scale = weight.abs().amax(dim=(1, 2, 3)).clamp_min(_SMALLEST) / _WEIGHT_STEPS
        rounded = (weight / scale[:, None, None, None]).round().to(torch.int8)
        self.weight: Tensor
        self.scale: Tensor
        self.bias: Tensor
        self.register_buffer("weight", rounded)
        self.register_buffer("scale", scale)
        self.register_buffer("bias", plain.bias.detach().clone())
        self.grid = grid
        self._given, self._added = given, added
        self._geometry = (plain.stride, plain.padding, plain.dilation, plain.groups)
        self._activation = "relu" if has_relu else "none"
        self._laid_out: tuple[Tensor, Tensor] | None = None

    def forward(self, given: Tensor, added: Tensor | None = None) -> Tensor:
        """Return the activation of the convolution, or of its sum with `added`, which is overwritten."""
        if self._laid_out is None:
            self._lay_out(given)
        weight, zero_points = cast(tuple[Tensor, Tensor], self._laid_out)
        how = (given, self._given.scale, self._given.zero_point, weight, self.scale, zero_points)
        to = (*self._geometry, self.grid.scale, self.grid.zero_point, torch.uint8)
        run = torch.ops.onednn.qconv2d_pointwise
        result: Tensor
        # Overloads by name: to find the one that fits takes as long again as to call it.
        if added is None or self._added is None:
            result = run.default(*how, self.bias, *to, self._activation, [], "")
        else:
            sum_with = (self._added.scale, self._added.zero_point, "sum", 1.0)
            result = run.binary(*how, added, self.bias, *to, *sum_with, self._activation, [], "")
        return result

    def _lay_out(self, given: Tensor) -> None:
        # Of two threads that begin together each lays out its own, and one of them is kept.
        size = (1, *given.shape[1:])
        scale, zero_point = self._given.scale, self._given.zero_point
        weight = torch.ops.onednn.qconv_prepack(
            self.weight, self.scale, scale, zero_point, *self._geometry, size
        )
        self._laid_out = (weight, torch.zeros(len(self.scale), dtype=torch.int32))


class _Residual(nn.Module):
    """A block of a ResNet in as many steps as it has convolutions."""

    def __init__(self, block: Block, name: str, given: Grid, ranges: Ranges) -> None:
        super().__init__()
        plain, shortcut = convolutions_of(block), shortcut_of(block)
        last = list(plain)[-1]
        added = given if shortcut is None else _grid(*ranges[f"{name}.downsample.0"])
        self.shortcut = None if shortcut is None else Quantized(shortcut, given, added, has_relu=False)
        steps = []
        for step, convolution in plain.items():
            is_last = step == last
            grid = _grid(0.0, ranges[name if is_last else f"{name}.{step}"][1])
            steps.append(Quantized(convolution, given, grid, has_relu=True, added=added if is_last else None))
            given = grid
        self.convolutions = nn.ModuleList(steps)
        self.grid = given

    def forward(self, images: Tensor) -> Tensor:
        """Return what the block returns; what it is given is overwritten."""
        added = images if self.shortcut is None else self.shortcut(images)
        *inner, last = self.convolutions
        for convolution in inner:
            images = convolution(images)
        result: Tensor = last(images, added)
        return result


def _body(network: Answering) -> ResNet:
    return cast(ResNet, network.classifier.network)


def _blocks(body: ResNet) -> Iterator[tuple[str, nn.Module]]:
    for layer in ("layer1", "layer2", "layer3", "layer4"):
        for name, block in body.get_submodule(layer).named_children():
            yield f"{layer}.{name}", block


def _grid(low: float, high: float) -> Grid:
    low, high = min(low, 0.0), max(high, 0.0)
    scale = max(high - low, _SMALLEST) / _STEPS
    return Grid(scale, round(-low / scale))


def _halved(images: Tensor) -> Tensor:
    """Return the largest of 3 x 3 neighbours at every second place; torch pools no uint8 of this size."""
    for dim in (2, 3):
        even, odd = _every_second(images, dim, 0), _every_second(images, dim, 1)
        result = even.clone(memory_format=torch.channels_last)
        _raise_to(result.narrow(dim, 0, odd.shape[dim]), odd)
        _raise_to(result.narrow(dim, 1, even.shape[dim] - 1), odd.narrow(dim, 0, even.shape[dim] - 1))
        images = result
    return images


def _every_second(images: Tensor, dim: int, first: int) -> Tensor:
    return images[:, :, first::2] if dim == 2 else images[:, :, :, first::2]


def _raise_to(images: Tensor, least: Tensor) -> None:
    torch.maximum(images, least, out=images)
