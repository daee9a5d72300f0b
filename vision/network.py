"""Builds classifiers: a torchvision backbone with our head, whose forward gives logits and embedding."""

import pickle
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from vision.zoo import Backbone

Weights = Literal["default", "bundled", "none"] | Path


class Classifier(nn.Module):
    """A backbone and a linear head.

    `state_dict` and `load_state_dict` use torchvision's names ("layer1.0.conv1.weight", "fc.weight"), so that
    weights can be exchanged with torchvision in both directions.
    """

    def __init__(self, backbone: "Backbone", network: nn.Module, head: nn.Linear) -> None:
        super().__init__()
        self.backbone_name = backbone.name
        self.num_classes = head.out_features
        self.embedding_dim = head.in_features
        self.head_path = backbone.head
        self._groups = backbone.groups
        network.set_submodule(backbone.head, nn.Identity())
        self.network = network
        self.head = head
        self.register_state_dict_post_hook(_to_torchvision_names)  # type: ignore[no-untyped-call]  # torch leaves it without types
        self.register_load_state_dict_pre_hook(_from_torchvision_names)  # type: ignore[no-untyped-call]  # torch leaves it without types

    def embed(self, images: Tensor) -> Tensor:
        """Return embeddings (N, embedding_dim) of images (N, 3, H, W)."""
        embeddings: Tensor = self.network(images)
        return embeddings

    def forward(self, images: Tensor) -> Tensor:
        """Return logits (N, num_classes) of images (N, 3, H, W)."""
        logits: Tensor = self.head(self.embed(images))
        return logits

    def classify(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits (N, num_classes) and embeddings (N, embedding_dim) from one forward."""
        embeddings = self.embed(images)
        return self.head(embeddings), embeddings

    def block_groups(self) -> list[list[nn.Module]]:
        """Return the modules that own parameters, shallow to deep, the head last."""
        body = [[self.network.get_submodule(path) for path in group] for group in self._groups]
        return [*body, [self.head]]


def build_classifier(backbone: str, num_classes: int, weights: Weights = "none") -> Classifier:
    """Build a classifier with a fresh head for `num_classes` classes.

    Args:
        backbone: A name in the zoo.
        num_classes: At least 1.
        weights: "default" for ImageNet weights (fetched if they are not cached), "bundled" for those of this
            repository (ResNet-18 only), "none" for random ones from torch's generator, or a file of the
            backbone's weights.

    Raises:
        UnknownBackboneError: No such backbone; the message names the nearest.
        WeightsUnavailableError: The weights are not cached and could not be fetched.
        WeightsMismatchError: The file holds another network's weights.
    """
    # Imported here: torchvision takes as long as torch, and a server that runs OpenVINO builds no network.
    from vision.weights.bundled import bundled_network
    from vision.weights.file import load_body
    from vision.zoo import find_backbone

    entry = find_backbone(backbone)
    if weights == "default":
        return _with_head(entry, entry.pretrained(), num_classes)
    if weights == "bundled":
        return _with_head(entry, bundled_network(entry.name), num_classes)
    network = entry.builder(weights=None)
    if weights != "none":
        load_body(network, entry.name, entry.head, Path(weights))
    return _with_head(entry, network, num_classes)


def build_empty_classifier(backbone: str, num_classes: int) -> Classifier:
    """Build a classifier on torch's meta device: names and shapes without memory, to be filled by a state.

    Raises:
        UnknownBackboneError: No such backbone; the message names the nearest.
    """
    # This takes a fifth of the time of `deepcopy`, which holds the interpreter's lock while others wait.
    classifier: Classifier = pickle.loads(_empty_classifier(backbone, num_classes))
    return classifier


@lru_cache(maxsize=8)
def _empty_classifier(backbone: str, num_classes: int) -> bytes:
    from vision.zoo import find_backbone

    entry = find_backbone(backbone)
    with torch.device("meta"):
        return pickle.dumps(_with_head(entry, entry.builder(weights=None), num_classes))


def _with_head(backbone: "Backbone", network: nn.Module, num_classes: int) -> Classifier:
    old = network.get_submodule(backbone.head)
    if not isinstance(old, nn.Linear):
        raise TypeError(f"Expected {backbone.name}.{backbone.head} to be Linear, found {type(old).__name__}.")
    return Classifier(backbone, network, nn.Linear(old.in_features, num_classes))


def _to_torchvision_names(
    module: nn.Module, state: dict[str, Any], prefix: str, metadata: Mapping[str, Any]
) -> None:
    head_path = str(module.head_path)
    for name in [name for name in state if name.startswith(prefix)]:
        inner = name.removeprefix(prefix)
        renamed = inner.removeprefix("network.")
        if inner.startswith("head."):
            renamed = f"{head_path}.{inner.removeprefix('head.')}"
        state[prefix + renamed] = state.pop(name)


def _from_torchvision_names(module: nn.Module, state: dict[str, Any], prefix: str, *ignored: object) -> None:
    head_path = str(module.head_path)
    for name in [name for name in state if name.startswith(prefix)]:
        inner = name.removeprefix(prefix)
        renamed = f"network.{inner}"
        if inner.startswith(f"{head_path}."):
            renamed = f"head.{inner.removeprefix(head_path + '.')}"
        state[prefix + renamed] = state.pop(name)
