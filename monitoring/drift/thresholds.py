"""Finds thresholds under which all detectors together give false alarms at the declared rate."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitoring.drift.settings import BLOCK, LONGEST

# From which quantile on a distance's tail counts as exponential.
_TAIL = 0.98
# Levels at which alarms are counted: from where most paths have one to where about so many have.
_NUM_LEVELS = 8
_FEWEST_ALARMS = 40
# So many of the highest levels are continued as a line.
_NUM_IN_LINE = 4
_LEAST_SLOPE = 0.5


@dataclass(frozen=True, slots=True)
class Tail:
    """How rare a distance is without drift: exponential beyond its start.

    Attributes:
        start: The distance that one look in fifty reaches.
        scale: By how much it grows until it is e times as rare.
    """

    start: float
    scale: float

    def rarity(self, distance: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the negative logarithm of how often a look reaches the distance; 0 below the start."""
        beyond = (distance - self.start) / self.scale
        return np.where(beyond >= 0, beyond - np.log(1 - _TAIL), 0).astype(np.float32)

    def at(self, rarity: float) -> float:
        """Return the distance that is as rare as this."""
        return self.start + self.scale * (rarity + float(np.log(1 - _TAIL)))


def fit_tail(distances: NDArray[np.float32]) -> Tail:
    """Fit the tail of distances without drift; those of windows that were not looked at are -inf."""
    looked = distances[np.isfinite(distances)]
    start = float(np.quantile(looked, _TAIL))
    beyond = looked[looked > start] - start
    # Where nothing varies, rounding must not look rare.
    least = 1e-3 * abs(start) + 1e-6
    return Tail(start, max(float(beyond.mean()) if beyond.size else 0.0, least))


def rarity_at_rate(rarities: NDArray[np.float32], sizes: NDArray[np.int64], declared_images: float) -> float:
    """Return the rarity that a stream without drift reaches once in so many images.

    Alarms are counted at several rarities, and the logarithm of their rate is continued as a line: it is one
    as far as the tails are exponential. After an alarm all windows begin anew, as they do in the monitor.

    Args:
        rarities: Shape (paths, blocks, windows).
        sizes: Rows of each window, shape (windows,).
        declared_images: The mean distance of two alarms.

    Source:
        Cobb, Van Looveren, Klaise, "Sequential Multivariate Change Detection with Calibrated and Memoryless
        False Detection Rates", AISTATS 2022: a threshold for a constant hazard. They solve for it step by
        step; a stream that never ends has one for all steps.
    """
    highest = np.sort(rarities[:, LONGEST // BLOCK :].max(axis=(1, 2)))
    num_counted = len(highest) * (rarities.shape[1] - LONGEST // BLOCK) * BLOCK
    low, high = highest[len(highest) // 10], highest[-min(_FEWEST_ALARMS, 1 + len(highest) // 5)]
    levels = np.linspace(low, high, _NUM_LEVELS)
    counts = np.array([_alarms(rarities, sizes, level) for level in levels])
    # The logarithm of images between two alarms; it can only grow with the level.
    between = np.maximum.accumulate(np.log(num_counted / np.maximum(counts, 1)))
    wanted = float(np.log(declared_images))
    if wanted <= between[-1]:
        return float(np.interp(wanted, between, levels))
    spread = float(between[-1] - between[-_NUM_IN_LINE])
    slope = max(_LEAST_SLOPE, spread / float(high - levels[-_NUM_IN_LINE])) if high > low else 1.0
    return float(high + (wanted - between[-1]) / slope)


def _alarms(rarities: NDArray[np.float32], sizes: NDArray[np.int64], level: float) -> int:
    """Count alarms after the first `LONGEST` rows of each path, with windows that begin anew after each."""
    ends = np.arange(1, rarities.shape[1] + 1)
    crossed = rarities >= level
    begun = np.zeros(len(rarities), dtype=np.int64)
    paths = np.arange(len(rarities))
    count = 0
    while len(paths):
        is_full = (ends[None, :, None] - begun[paths, None, None]) * BLOCK >= sizes
        hits: NDArray[np.bool_] = np.asarray((crossed[paths] & is_full).any(axis=2))
        first = hits.argmax(axis=1)
        is_hit = hits[np.arange(len(paths)), first]
        paths, first = paths[is_hit], first[is_hit]
        begun[paths] = first + 1
        count += int((first >= LONGEST // BLOCK).sum())
    return count
