"""What the trainings of an experiment gave."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from perennial.lab.arms import Arm
from perennial.lab.images import LabImages
from perennial.lab.seeds import Difference, Right, difference
from vision.training import Epoch


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one training gave.

    Attributes:
        seed: Whose it is.
        epochs: The curves; of a linear probe, its solutions instead.
        seconds: What training took, on the wall.
        right: By test, whether each image was classified rightly; empty where training diverged.
        training_accuracy: Of the training images as they are served; nan where training diverged.
        num_trained: Parameters that were trained.
        milliseconds: What one image takes to be classified alone.
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
        """The variant's."""
        return self.arm.name

    @property
    def finished(self) -> tuple[Outcome, ...]:
        """Those that did not diverge."""
        return tuple(outcome for outcome in self.outcomes if not outcome.diverged)

    @property
    def seeds(self) -> tuple[int, ...]:
        """Of those that did not diverge."""
        return tuple(outcome.seed for outcome in self.finished)

    def right(self, test: str, seeds: Sequence[int] | None = None) -> Right:
        """Return which answers were right, shape (seeds, images), of all finished or of these seeds."""
        chosen = [outcome for outcome in self.finished if seeds is None or outcome.seed in seeds]
        return np.array([outcome.right[test] for outcome in chosen], dtype=np.bool_)

    def accuracies(self, test: str) -> list[float]:
        """Return the share of right answers of each finished training."""
        return [float(outcome.right[test].mean()) for outcome in self.finished]


@dataclass(frozen=True, slots=True)
class Measured:
    """What an experiment measured: its variants' trainings, on which images."""

    images: LabImages
    runs: tuple[ArmRuns, ...]
    seeds: tuple[int, ...]

    @property
    def test(self) -> str:
        """The name of the test with the images as they are."""
        return next(iter(self.images.tests))

    @property
    def usable(self) -> tuple[ArmRuns, ...]:
        """The variants of which one training at least did not diverge."""
        return tuple(runs for runs in self.runs if runs.finished)

    def of(self, name: str) -> ArmRuns:
        """Return the trainings of the variant of that name."""
        return next(runs for runs in self.runs if runs.name == name)

    def guessing(self) -> float:
        """Return the share of the commonest class in the test, which guessing it would get right."""
        labels = [label for _, label in self.images.test]
        return max(labels.count(label) for label in set(labels)) / len(labels)


def compare(runs: ArmRuns, other: ArmRuns, test: str, other_test: str | None = None) -> Difference | None:
    """Return how much the first is above the other, over the seeds that both finished; None without any.

    Args:
        runs: What is compared.
        other: What it is compared to.
        test: On which images.
        other_test: Where the other is asked about the same images in another way.
    """
    seeds = [seed for seed in runs.seeds if seed in other.seeds]
    if not seeds:
        return None
    return difference(runs.right(test, seeds), other.right(other_test or test, seeds))
