"""Builds pretrained classifiers with their own classes, which can serve before anything was trained."""

from collections.abc import Sequence

from torch import nn

from vision.artifact import Artifact
from vision.network import Classifier
from vision.preprocessing import preprocessing_for
from vision.weights import bundled
from vision.zoo import Backbone, find_backbone


def zoo_classifier(backbone: str = "resnet18") -> Artifact:
    """Return torchvision's pretrained classifier with the names of its 1,000 ImageNet classes.

    Raises:
        UnknownBackboneError: No such backbone; the message names the nearest.
        WeightsUnavailableError: The weights are not cached and could not be fetched.
    """
    entry = find_backbone(backbone)
    return _artifact(entry, entry.pretrained(), entry.weights.meta["categories"], None)


def bundled_classifier() -> Artifact:
    """Return the bundled ResNet-18 with its own 200 classes of small pictures.

    Raises:
        WeightsUnavailableError: Its file is not in this installation.
    """
    entry = find_backbone(bundled.BACKBONE)
    return _artifact(entry, bundled.bundled_network(), bundled.bundled_class_names(), bundled.IMAGE_SIZE)


def _artifact(
    entry: Backbone, network: nn.Module, class_names: Sequence[str], image_size: int | None
) -> Artifact:
    head = network.get_submodule(entry.head)
    if not isinstance(head, nn.Linear):
        raise TypeError(f"Expected {entry.name}.{entry.head} to be Linear, found {type(head).__name__}.")
    classifier = Classifier(entry, network, head)
    return Artifact(
        backbone=entry.name,
        class_names=_distinct(class_names),
        preprocessing=preprocessing_for(entry.name, image_size),
        state=classifier.state_dict(),
    )


def _distinct(names: Sequence[str]) -> tuple[str, ...]:
    # ImageNet names two pairs of classes alike: "crane" the bird and the machine, "maillot" twice.
    numbered = []
    for index, name in enumerate(names):
        occurrence = names[: index + 1].count(name)
        numbered.append(name if occurrence == 1 else f"{name} ({occurrence})")
    return tuple(numbered)
