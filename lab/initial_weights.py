"""Finds the weights that an experiment can start from on this machine."""

from collections.abc import Iterable
from dataclasses import dataclass

from vision.errors import WeightsUnavailableError
from vision.network import Weights, build_classifier
from vision.weights.hub import LITE

BUNDLED_BACKBONE = "resnet18"
_WORDS = {
    "default": "ImageNet weights",
    "bundled": "the bundled weights",
    "none": "random weights",
}


@dataclass(frozen=True, slots=True)
class InitialWeights:
    """A network with the weights that it starts from.

    Attributes:
        backbone: A name in the zoo.
        weights: The weights that are available here.
        missing: The weights that were requested but are not available, in words; empty where they are.
    """

    backbone: str
    weights: Weights
    missing: str = ""

    @property
    def words(self) -> str:
        """The weights in words."""
        return _WORDS.get(str(self.weights), f"weights of {self.weights}")

    @property
    def note(self) -> str:
        """What a reader must know where other weights were requested; empty where these were."""
        if not self.missing:
            return ""
        return f"{self.missing} could not be had here, so {self.backbone} starts from {self.words}."


def find_initial_weights(backbone: str, weights: Weights) -> InitialWeights:
    """Return the requested weights, or another pretrained network where ImageNet weights can't be had.

    Raises:
        UnknownBackboneError: There is no such network.
        WeightsUnavailableError: The named weights are not available.
        WeightsMismatchError: The named weights do not fit the network.
    """
    others: list[tuple[str, Weights]] = [(LITE, "default"), (BUNDLED_BACKBONE, "bundled")]
    return _first_available(backbone, weights, others)


def best_initial_weights(backbone: str) -> InitialWeights:
    """Return a network with the best weights that are available for it here; they may be random.

    Raises:
        UnknownBackboneError: There is no such network.
    """
    others: list[tuple[str, Weights]] = [(backbone, "none")]
    if backbone == BUNDLED_BACKBONE:
        others.insert(0, (backbone, "bundled"))
    return _first_available(backbone, "default", others)


def _first_available(
    backbone: str, weights: Weights, others: Iterable[tuple[str, Weights]]
) -> InitialWeights:
    try:
        build_classifier(backbone, 2, weights)
    except WeightsUnavailableError:
        # Weights that a person named are never replaced by others.
        if weights != "default":
            raise
    else:
        return InitialWeights(backbone, weights)
    missing = f"The ImageNet weights of {backbone}"
    for name, other in others:
        if (name, other) != (backbone, weights) and _is_available(name, other):
            return InitialWeights(name, other, missing)
    return InitialWeights(backbone, "none", missing)


def _is_available(backbone: str, weights: Weights) -> bool:
    try:
        build_classifier(backbone, 2, weights)
    except WeightsUnavailableError:
        return False
    return True
