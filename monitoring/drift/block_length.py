"""Chooses how many neighbouring rows are drawn together when a stream is simulated from its reference."""

import numpy as np
from numpy.typing import NDArray

# A mean length from which on rows are thought to depend: of independent ones each series finds about 1.2.
_DEPENDENT = 1.5
_FEWEST_BLOCKS = 10


def block_length(series: NDArray[np.floating]) -> int:
    """Return the block length for a circular block bootstrap of several series: 1 where rows don't depend.

    Whether rows depend is told by the mean of the series' own lengths: the largest of many would nearly
    always find a dependence by chance. Where they do, the largest is taken, since a false alarm comes from
    the series that depends most.

    Args:
        series: Shape (N, series), in the order of time.

    Source:
        Politis and White, "Automatic Block-Length Selection for the Dependent Bootstrap", Econometric
        Reviews 2004, with the correction of Patton, Politis and White, 2009.

    >>> block_length(np.random.default_rng(0).standard_normal((1000, 8)))
    1
    """
    centred = series - series.mean(axis=0)
    varying = centred[:, centred.std(axis=0) > 1e-9]
    if not varying.size:
        return 1
    lengths = [_length_of(each) for each in varying.T]
    if np.mean(lengths) < _DEPENDENT:
        return 1
    return int(np.clip(round(max(lengths)), 1, max(1, len(series) // _FEWEST_BLOCKS)))


def _length_of(values: NDArray[np.floating]) -> float:
    num = len(values)
    in_a_row = max(5, int(np.ceil(np.sqrt(np.log10(num)))))
    longest = min(num - 1, int(np.ceil(np.sqrt(num))) + in_a_row)
    covariances = _autocovariances(values, longest)
    noticeable = np.abs(covariances[1:] / covariances[0]) > 2 * np.sqrt(np.log10(num) / num)
    last = _last_before_silence(noticeable, in_a_row)
    if last == 0:
        return 1.0
    reach = min(2 * last, longest)
    lags = np.arange(-reach, reach + 1)
    # The flat-top window: 1 up to half of the reach, then down to 0.
    weights = np.minimum(1, 2 * (1 - np.abs(lags) / reach))
    weighted = weights * covariances[np.abs(lags)]
    slope, spectrum = float(np.sum(weighted * np.abs(lags))), float(np.sum(weighted))
    if spectrum <= 0:
        return 1.0
    return float(max(1.0, (2 * slope**2 / (4 / 3 * spectrum**2)) ** (1 / 3) * num ** (1 / 3)))


def _autocovariances(values: NDArray[np.floating], longest: int) -> NDArray[np.float64]:
    num = len(values)
    return np.array([values[: num - lag] @ values[lag:] / num for lag in range(longest + 1)])


def _last_before_silence(noticeable: NDArray[np.bool_], in_a_row: int) -> int:
    """Return the lag after which so many in a row are not noticeable, 0 where none is from the start."""
    for lag in range(len(noticeable) - in_a_row + 1):
        if not noticeable[lag : lag + in_a_row].any():
            return lag
    return int(np.flatnonzero(noticeable)[-1]) + 1
