"""Which weights an experiment can start from on this machine."""

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
class Start:
    """A network with the weights that it begins with.

    Attributes:
        backbone: A name in the zoo.
        weights: Those that were had.
        missing: What was asked for first and couldn't be had, in words; empty where it could.
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
        """What a reader must know where something else was asked for; empty where nothing was."""
        if not self.missing:
            return ""
        return f"{self.missing} could not be had here, so {self.backbone} starts from {self.words}."


def find_start(backbone: str, weights: Weights) -> Start:
    """Return what was asked for, or, where ImageNet weights can't be had, another pretrained network.

    Raises:
        UnknownBackboneError: There is no such network.
        WeightsUnavailableError, WeightsMismatchError: Weights that were named are not there or do not fit.
    """
    others: list[tuple[str, Weights]] = [(LITE, "default"), (BUNDLED_BACKBONE, "bundled")]
    return _first_of(backbone, weights, others)


def find_own_start(backbone: str) -> Start:
    """Return a network with the best weights that it can have here, which may be random ones.

    Raises:
        UnknownBackboneError: There is no such network.
    """
    others: list[tuple[str, Weights]] = [(backbone, "none")]
    if backbone == BUNDLED_BACKBONE:
        others.insert(0, (backbone, "bundled"))
    return _first_of(backbone, "default", others)


def _first_of(backbone: str, weights: Weights, others: Iterable[tuple[str, Weights]]) -> Start:
    try:
        build_classifier(backbone, 2, weights)
    except WeightsUnavailableError:
        # Weights that a person named are not exchanged for others behind their back.
        if weights != "default":
            raise
    else:
        return Start(backbone, weights)
    missing = f"The ImageNet weights of {backbone}"
    for name, other in others:
        if (name, other) != (backbone, weights) and _can_be_had(name, other):
            return Start(name, other, missing)
    return Start(backbone, "none", missing)


def _can_be_had(backbone: str, weights: Weights) -> bool:
    try:
        build_classifier(backbone, 2, weights)
    except WeightsUnavailableError:
        return False
    return True
