"""Accuracy by version and slice, with its interval."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist

from sqlalchemy import Connection

from monitoring.errors import InvalidCountError
from store.version_history import latest_on_slices


@dataclass(frozen=True, slots=True)
class SliceAccuracy:
    """The accuracy of one version on one slice.

    `low` and `high` are the two-sided 95 % Wilson interval; all three are fractions in [0, 1].
    """

    version: str
    slice: str
    accuracy: float
    low: float
    high: float
    num_samples: int


def wilson_interval(num_right: float, num_samples: int) -> tuple[float, float]:
    """Return the two-sided 95 % Wilson score interval of a proportion.

    Args:
        num_right: From 0 to `num_samples`.
        num_samples: How many were judged; with 0 nothing is known and (0, 1) is returned.

    Raises:
        InvalidCountError: `num_right` is not between 0 and `num_samples`.

    Source:
        Wilson, "Probable Inference, the Law of Succession, and Statistical Inference", JASA 1927.

    >>> low, high = wilson_interval(8, 10)
    >>> round(low, 3), round(high, 3)
    (0.49, 0.943)
    """
    if not 0 <= num_right <= num_samples:
        raise InvalidCountError(
            f"Expected 0 to {num_samples} right answers; got {num_right}. Count both on the same samples."
        )
    if num_samples == 0:
        return 0.0, 1.0
    # SciPy's own is in scipy.stats, which would cost every worker 53 MiB.
    z = NormalDist().inv_cdf(0.975)
    share = num_right / num_samples
    spread = z * sqrt(share * (1 - share) / num_samples + z**2 / (4 * num_samples**2))
    scale = 1 + z**2 / num_samples
    middle = share + z**2 / (2 * num_samples)
    return max(0.0, (middle - spread) / scale), min(1.0, (middle + spread) / scale)


def paired_loss_interval(num_lost: int, num_won: int, num_both: int, num_neither: int) -> tuple[float, float]:
    """Return the two-sided 95 % interval of the accuracy lost between two models on the same images.

    Args:
        num_lost: Images on which only the earlier model is right.
        num_won: Images on which only the later one is.
        num_both: Images on which both are.
        num_neither: Images on which neither is.

    Returns:
        Fractions in [-1, 1]; negative is a gain. (-1, 1) without images.

    Source:
        Newcombe, "Improved confidence intervals for the difference between binomial proportions based on
        paired data", Statistics in Medicine 17, 1998, method 10.

    >>> low, high = paired_loss_interval(12, 2, 36, 0)
    >>> round(low, 4), round(high, 4)
    (0.0569, 0.3404)
    """
    num = num_lost + num_won + num_both + num_neither
    if num == 0:
        return -1.0, 1.0
    before, after = (num_both + num_lost) / num, (num_both + num_won) / num
    low_before, high_before = wilson_interval(num_both + num_lost, num)
    low_after, high_after = wilson_interval(num_both + num_won, num)
    phi = _phi(num_lost, num_won, num_both, num_neither)

    def spread(first: float, second: float) -> float:
        return sqrt(max(0.0, first**2 - 2 * phi * first * second + second**2))

    lost = before - after
    return (
        lost - spread(before - low_before, high_after - after),
        lost + spread(high_before - before, after - low_after),
    )


def _phi(num_lost: int, num_won: int, num_both: int, num_neither: int) -> float:
    """Return the correlation of the two models' right answers, with Newcombe's correction for continuity."""
    num = num_lost + num_won + num_both + num_neither
    margins = (
        (num_both + num_lost) * (num_won + num_neither) * (num_both + num_won) * (num_lost + num_neither)
    )
    if margins == 0:
        return 0.0
    cross = num_both * num_neither - num_lost * num_won
    return (max(cross - num / 2, 0.0) if cross > 0 else cross) / sqrt(margins)


def measured_accuracies(connection: Connection, versions: Sequence[str]) -> list[SliceAccuracy]:
    """Return the latest measured accuracy of each of the versions on each slice, oldest measurement first."""
    measured = latest_on_slices(connection, "accuracy", versions)
    return [
        _with_interval(one.version, one.slice, one.value, one.num_samples)
        for one in measured
        if one.version is not None and one.slice is not None
    ]


def _with_interval(version: str, slice_name: str, accuracy: float, num_samples: int) -> SliceAccuracy:
    low, high = wilson_interval(accuracy * num_samples, num_samples)
    return SliceAccuracy(version, slice_name, accuracy, low, high, num_samples)
