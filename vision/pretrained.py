"""Builds the zoo's own ImageNet classifiers, which can serve before anything was trained."""

from torch import nn

from vision.artifact import Artifact
from vision.network import Classifier
from vision.preprocessing import preprocessing_for
from vision.zoo import find_backbone


def zoo_classifier(backbone: str = "resnet18") -> Artifact:
    """Return torchvision's pretrained classifier with the names of its 1,000 ImageNet classes.

    Raises:
        UnknownBackboneError: No such backbone; the message names the nearest.
        WeightsUnavailableError: The weights are not cached and could not be fetched.
    """
    entry = find_backbone(backbone)
    network = entry.pretrained()
    head = network.get_submodule(entry.head)
    if not isinstance(head, nn.Linear):
        raise TypeError(f"Expected {backbone}.{entry.head} to be Linear, found {type(head).__name__}.")
    classifier = Classifier(entry, network, head)
    return Artifact(
        backbone=backbone,
        class_names=_distinct(entry.weights.meta["categories"]),
        preprocessing=preprocessing_for(backbone),
        state=classifier.state_dict(),
    )


def _distinct(names: list[str]) -> tuple[str, ...]:
    # ImageNet names two pairs of classes alike: "crane" the bird and the machine, "maillot" twice.
    numbered = []
    for index, name in enumerate(names):
        occurrence = names[: index + 1].count(name)
        numbered.append(name if occurrence == 1 else f"{name} ({occurrence})")
    return tuple(numbered)
