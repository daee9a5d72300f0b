"""What a few trainings tell: their spread, and whether a difference is more than it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# SciPy makes its distributions while it is imported, where types are not seen.
from scipy.stats import t as student  # type: ignore[attr-defined]  # SciPy comes without types

LEVEL = 0.95

Right = NDArray[np.bool_]

RULE = (
    "Every variant was trained once for each seed; a seed fixes the images that are set aside for "
    "validation, the random start, the order and the random variants, and is the same for all of them. "
    "Accuracies are on the test images, on which nothing was chosen. A difference counts only if 0 lies "
    "outside both of two paired 95 % intervals of Student's t: one over the seeds, for the luck of a "
    "training, and one over the test images, for the luck of which ones they are. With one seed no "
    "difference counts. Each comparison stands for itself: of twenty without any true difference, one may "
    "count."
)


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean with its two-sided confidence interval."""

    mean: float
    low: float
    high: float

    @property
    def excludes_zero(self) -> bool:
        """Whether the mean's sign is sure at the interval's level."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True, slots=True)
class Difference:
    """How much one variant's accuracy is above another's, as a fraction.

    Attributes:
        mean: Over seeds and images.
        over_seeds: None with one seed.
        over_images: Of the means over seeds; None with one image.
    """

    mean: float
    over_seeds: Interval | None
    over_images: Interval | None

    @property
    def is_clear(self) -> bool:
        """Whether it is more than the spread, by the rule."""
        both = (self.over_seeds, self.over_images)
        return all(interval is not None and interval.excludes_zero for interval in both)


def mean_of(values: Sequence[float]) -> float:
    """Return the mean, or nan of nothing."""
    return float(np.mean(values)) if len(values) else float("nan")


def deviation_of(values: Sequence[float]) -> float | None:
    """Return the sample standard deviation, or None of fewer than two values."""
    return float(np.std(values, ddof=1)) if len(values) > 1 else None


def interval_of(values: Sequence[float] | NDArray[np.float64], level: float = LEVEL) -> Interval | None:
    """Return the mean of independent values with Student's interval, or None of fewer than two.

    Args:
        values: One for each seed, or one for each image; differences, for a paired comparison.
        level: In (0, 1).
    """
    num = len(values)
    if num < 2:
        return None
    mean = float(np.mean(values))
    error = float(np.std(values, ddof=1)) / num**0.5
    half = float(student.ppf(0.5 + level / 2, num - 1)) * error
    return Interval(mean, mean - half, mean + half)


def difference(right: Right, other: Right) -> Difference:
    """Compare two variants on the same images and seeds.

    Args:
        right: Shape (seeds, images), whether each answer was right.
        other: Likewise, of what it is compared to.
    """
    differences = right.astype(np.float64) - other.astype(np.float64)
    return Difference(
        float(differences.mean()),
        interval_of(differences.mean(axis=1)),
        interval_of(differences.mean(axis=0)),
    )


def is_above(right: Right, share: float, *, num_looks: int) -> bool:
    """Return whether answers are right clearly more often than a share.

    Args:
        right: Shape (seeds, images).
        share: In [0, 1]; what guessing gives.
        num_looks: Variants that are asked about at once: the level is raised, so that they err together
            once in twenty times.
    """
    found = interval_of(right.mean(axis=0) - share, 1 - (1 - LEVEL) / num_looks)
    return found is not None and found.low > 0
