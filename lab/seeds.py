"""Statistics over seeds: the spread of a few trainings, and whether a difference is more than that."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# SciPy creates its distributions at import, so mypy does not see them.
from scipy.stats import t as student  # type: ignore[attr-defined]  # SciPy comes without types

LEVEL = 0.95

Right = NDArray[np.bool_]

RULE = (
    "Every variant was trained once for each seed. A seed fixes the validation images, the random initial "
    "weights, the order and the random variants; all variants share the seeds. Accuracies are on the test "
    "images, on which nothing was chosen. A difference counts only if 0 lies outside two paired 95 % "
    "intervals of Student's t: one over the seeds, since trainings differ by chance, and one over the test "
    "images, since these were drawn by chance. With one seed no difference counts. Each comparison is made "
    "on its own: of twenty without any true difference, one may count."
)


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean with its two-sided confidence interval."""

    mean: float
    low: float
    high: float

    @property
    def excludes_zero(self) -> bool:
        """Whether the interval lies on one side of zero."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True, slots=True)
class Difference:
    """How much one variant's accuracy is above another's, as a fraction.

    Attributes:
        mean: Mean over seeds and images.
        over_seeds: Interval over the seeds; None with one seed.
        over_images: Interval over the images, of their means over seeds; None with one image.
    """

    mean: float
    over_seeds: Interval | None
    over_images: Interval | None

    @property
    def is_clear(self) -> bool:
        """Whether it counts by the rule."""
        both = (self.over_seeds, self.over_images)
        return all(interval is not None and interval.excludes_zero for interval in both)


def mean_of(values: Sequence[float]) -> float:
    """Return the mean, or nan without values."""
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
        other: Likewise, of the variant that it is compared with.
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
        share: Accuracy of guessing, in [0, 1].
        num_looks: Number of variants that are tested at once; the level is raised, so that all of them
            together err once in twenty times.
    """
    interval = interval_of(right.mean(axis=0) - share, 1 - (1 - LEVEL) / num_looks)
    return interval is not None and interval.low > 0
