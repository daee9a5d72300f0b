"""Finds the pretrained network to start from on this machine, in one order for every use."""

from collections.abc import Iterable
from dataclasses import dataclass

from vision.errors import WeightsUnavailableError
from vision.network import Weights, build_classifier
from vision.weights.bundled import BACKBONE as BUNDLED_BACKBONE
from vision.weights.hub import LITE, require_reachable
from vision.zoo import find_backbone

#: What everything starts from where nobody names a network and its ImageNet weights can be had.
BACKBONE = "resnet18"
WAIT_SECONDS = 5.0
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


def find_initial_weights(backbone: str, weights: Weights, seconds: float = WAIT_SECONDS) -> InitialWeights:
    """Return the requested weights, or another pretrained network where ImageNet weights can't be had.

    The order is the network's own weights from torch hub, EfficientNet-Lite0 where the extra `lite` is
    installed, and the bundled ResNet-18.

    Args:
        backbone: The network that is preferred.
        weights: The weights that are preferred; only "default" is ever replaced.
        seconds: How long to wait for torch hub's first answer.

    Raises:
        UnknownBackboneError: There is no such network.
        WeightsUnavailableError: The named weights are not available.
        WeightsMismatchError: The named weights do not fit the network.
    """
    others: list[tuple[str, Weights]] = [(LITE, "default"), (BUNDLED_BACKBONE, "bundled")]
    return _first_available(backbone, weights, others, seconds)


def named_initial_weights(backbone: str, weights: Weights) -> InitialWeights:
    """Return the weights of a network that a person named, which no other may replace.

    Raises:
        UnknownBackboneError: There is no such network.
        WeightsUnavailableError: The weights are not available.
        WeightsMismatchError: They do not fit the network.
    """
    build_classifier(backbone, 2, weights)
    return InitialWeights(backbone, weights)


def best_initial_weights(backbone: str, seconds: float = WAIT_SECONDS) -> InitialWeights:
    """Return a network with the best weights that are available for it here; they may be random.

    Raises:
        UnknownBackboneError: There is no such network.
    """
    others: list[tuple[str, Weights]] = [(backbone, "none")]
    if backbone == BUNDLED_BACKBONE:
        others.insert(0, (backbone, "bundled"))
    return _first_available(backbone, "default", others, seconds)


def _first_available(
    backbone: str, weights: Weights, others: Iterable[tuple[str, Weights]], seconds: float
) -> InitialWeights:
    find_backbone(backbone)
    try:
        if weights == "default":
            require_reachable(backbone, seconds)
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
