"""The variants that an experiment compares, with the outcomes of their trainings."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from lab.images import LabImages
from lab.seeds import Difference, Right, difference
from vision.training.training import Epoch
from vision.transfer_settings import TransferSettings

#: What is trained of a network: more with each.
Part = Literal["head", "last block", "everything"]


@dataclass(frozen=True, slots=True)
class Arm:
    """One variant that is compared with others.

    Attributes:
        name: Its name in tables and charts.
        settings: How it is trained; each run sets its own seed.
        initial_weights: The weights that it begins with, in words.
        phases: What is trained under a random head at a constant rate, one part after the other, each for the
            same share of the epochs; empty where the settings' strategy decides.
        num_per_class: Training images of each class, at most; None for all.
    """

    name: str
    settings: TransferSettings
    initial_weights: str
    phases: tuple[Part, ...] = ()
    num_per_class: int | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of one training.

    Attributes:
        seed: The training's.
        epochs: The curves; of a linear probe, its solutions instead.
        seconds: Wall time of the training.
        right: By test, whether each image was classified correctly; empty where training diverged.
        training_accuracy: Accuracy on the training images without variants; nan where training diverged.
        num_trained: Number of trained parameters.
        milliseconds: Time to classify one image alone.
        diverged: What was wrong with the loss; empty where nothing was.
    """

    seed: int
    epochs: tuple[Epoch, ...]
    seconds: float
    right: dict[str, Right] = field(default_factory=dict)
    training_accuracy: float = math.nan
    num_trained: int = 0
    milliseconds: float = math.nan
    diverged: str = ""


@dataclass(frozen=True, slots=True)
class ArmRuns:
    """All trainings of one variant, one for each seed."""

    arm: Arm
    outcomes: tuple[Outcome, ...]

    @property
    def name(self) -> str:
        """The variant's name."""
        return self.arm.name

    @property
    def finished(self) -> tuple[Outcome, ...]:
        """The outcomes of trainings that did not diverge."""
        return tuple(outcome for outcome in self.outcomes if not outcome.diverged)

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds of trainings that did not diverge."""
        return tuple(outcome.seed for outcome in self.finished)

    def right(self, test: str, seeds: Sequence[int] | None = None) -> Right:
        """Return which predictions were right, shape (seeds, images), of these seeds or of all."""
        chosen = [outcome for outcome in self.finished if seeds is None or outcome.seed in seeds]
        return np.array([outcome.right[test] for outcome in chosen], dtype=np.bool_)

    def accuracies(self, test: str) -> list[float]:
        """Return the accuracy of each finished training."""
        return [float(outcome.right[test].mean()) for outcome in self.finished]


@dataclass(frozen=True, slots=True)
class Measured:
    """What an experiment measured: the trainings of its variants, and their images."""

    images: LabImages
    runs: tuple[ArmRuns, ...]
    seeds: tuple[int, ...]

    @property
    def test(self) -> str:
        """The name of the test with the images as they are."""
        return next(iter(self.images.tests))

    @property
    def usable(self) -> tuple[ArmRuns, ...]:
        """The variants with at least one training that did not diverge."""
        return tuple(runs for runs in self.runs if runs.finished)

    def of(self, name: str) -> ArmRuns:
        """Return the trainings of a variant by its name."""
        return next(runs for runs in self.runs if runs.name == name)

    def guessing(self) -> float:
        """Return the share of the commonest class in the test, which is the accuracy of guessing it."""
        labels = [label for _, label in self.images.test]
        return max(labels.count(label) for label in set(labels)) / len(labels)


def compare(runs: ArmRuns, other: ArmRuns, test: str, other_test: str | None = None) -> Difference | None:
    """Return how much the first is above the other, over the seeds that both finished, or None without any.

    Args:
        runs: The variant that is compared.
        other: The variant that it is compared with.
        test: The test images.
        other_test: Another form of the same images, for the other variant.
    """
    seeds = [seed for seed in runs.seeds if seed in other.seeds]
    if not seeds:
        return None
    return difference(runs.right(test, seeds), other.right(other_test or test, seeds))
