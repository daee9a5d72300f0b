"""The table of backbones: how each is built, its head, and its blocks from the stem to the deepest.

VGG and AlexNet keep their wide fully connected layers as their deepest block, as in the papers; only the last
Linear is the head. The index ranges below cut torchvision's `features` where the resolution halves.
"""

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from types import MappingProxyType

from torch import nn
from torchvision.models import WeightsEnum, get_model_builder  # type: ignore[attr-defined]  # torchvision does not declare it as exported

from vision.errors import UnknownBackboneError
from vision.weights import lite
from vision.weights.hub import LITE, imagenet_weights, is_cached, pretrained_network

Groups = tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Backbone:
    """One network of the zoo.

    Attributes:
        name: torchvision's name for it.
        builder: Called as `builder(weights=None)`; returns the network with random weights.
        pretrained: Returns the network with its ImageNet weights.
        weights: The ImageNet weights' transforms and class names.
        head: Path of the last Linear.
        groups: Module paths, shallow to deep; together with the head they own every parameter once.
        min_image_size: The smallest side in pixels that reaches the end of the network.
    """

    name: str
    builder: Callable[..., nn.Module]
    pretrained: Callable[[], nn.Module]
    weights: WeightsEnum | lite.LiteWeights
    head: str
    groups: Groups
    min_image_size: int = 32


_RESNET: Groups = (("conv1", "bn1"), ("layer1",), ("layer2",), ("layer3",), ("layer4",))
_DENSENET: Groups = (
    ("features.conv0", "features.norm0"),
    ("features.denseblock1", "features.transition1"),
    ("features.denseblock2", "features.transition2"),
    ("features.denseblock3", "features.transition3"),
    ("features.denseblock4", "features.norm5"),
)
_WIDE_LAYERS = ("classifier.0", "classifier.3")
_ALEXNET_WIDE_LAYERS = ("classifier.1", "classifier.4")


def _features(*starts: int, deepest: tuple[str, ...] = ()) -> Groups:
    """Cut `features` at these indices; the last of them is the end."""
    cuts = [tuple(f"features.{index}" for index in range(first, last)) for first, last in pairwise(starts)]
    return (*cuts[:-1], cuts[-1] + deepest)


def _backbone(name: str, head: str, groups: Groups, min_image_size: int = 32) -> Backbone:
    builder, weights = get_model_builder(name), imagenet_weights(name)
    pretrained = partial(pretrained_network, builder, weights)
    return Backbone(name, builder, pretrained, weights, head, groups, min_image_size)


_LITE: Groups = (
    ("conv_stem", "bn1", "blocks.0"),
    ("blocks.1",),
    ("blocks.2",),
    ("blocks.3", "blocks.4"),
    ("blocks.5", "blocks.6", "conv_head", "bn2"),
)

_BACKBONES = (
    *(_backbone(f"resnet{depth}", "fc", _RESNET) for depth in (18, 34, 50, 101, 152)),
    _backbone("vgg16", "classifier.6", (*_features(0, 5, 10, 17, 24, 31), _WIDE_LAYERS)),
    _backbone("vgg19", "classifier.6", (*_features(0, 5, 10, 19, 28, 37), _WIDE_LAYERS)),
    _backbone(
        "alexnet", "classifier.6", (*_features(0, 3, 6, 8, 10, 13), _ALEXNET_WIDE_LAYERS), min_image_size=63
    ),
    *(_backbone(f"densenet{depth}", "classifier", _DENSENET) for depth in (121, 161, 169, 201)),
    _backbone("mobilenet_v2", "classifier.1", _features(0, 2, 4, 7, 14, 19)),
    _backbone("mobilenet_v3_small", "classifier.3", _features(0, 1, 2, 4, 9, 13, deepest=("classifier.0",))),
    _backbone("mobilenet_v3_large", "classifier.3", _features(0, 2, 4, 7, 13, 17, deepest=("classifier.0",))),
    *(_backbone(f"efficientnet_b{size}", "classifier.1", _features(0, 2, 3, 4, 6, 9)) for size in range(8)),
    Backbone(LITE, lite.build_lite, lite.pretrained_lite, lite.LiteWeights(), "classifier", _LITE),
)

ZOO: Mapping[str, Backbone] = MappingProxyType({backbone.name: backbone for backbone in _BACKBONES})


@dataclass(frozen=True, slots=True)
class Facts:
    """What to know of a backbone before choosing it; None where the weights' metadata do not say.

    Attributes:
        num_parameters: With the head of ImageNet's 1,000 classes.
        megabytes: Of the weights' file.
        top1: Accuracy on ImageNet, in [0, 1].
        top5: Share whose class is among the five likeliest.
        image_size: Side in pixels of the input that these figures are for.
        is_here: Whether the weights can be used without a download.
    """

    name: str
    num_parameters: int | None
    megabytes: float | None
    top1: float | None
    top5: float | None
    image_size: int
    is_here: bool


def facts_of(backbone: Backbone) -> Facts:
    """Return a backbone's facts, from the metadata of its ImageNet weights."""
    meta = backbone.weights.meta
    accuracy = meta.get("_metrics", {}).get("ImageNet-1K", {})
    top1, top5 = (accuracy.get(f"acc@{num}") for num in (1, 5))
    return Facts(
        name=backbone.name,
        num_parameters=meta.get("num_params"),
        megabytes=meta.get("_file_size"),
        top1=None if top1 is None else top1 / 100,
        top5=None if top5 is None else top5 / 100,
        image_size=int(backbone.weights.transforms().crop_size[0]),
        is_here=is_cached(backbone.name) or (backbone.name == LITE and lite.is_installed()),
    )


def find_backbone(name: str) -> Backbone:
    """Return the backbone of that name.

    Raises:
        UnknownBackboneError: There is none; the message names the nearest.
    """
    if name in ZOO:
        return ZOO[name]
    nearest = difflib.get_close_matches(name.lower(), ZOO, n=1, cutoff=0.3)
    hint = f"Did you mean {nearest[0]!r}? " if nearest else ""
    raise UnknownBackboneError(
        f"Expected a backbone of the zoo, got {name!r}. {hint}There are: {', '.join(ZOO)}."
    )
