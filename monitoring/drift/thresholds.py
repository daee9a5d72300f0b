"""Finds thresholds under which all detectors together give false alarms at the declared rate."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitoring.drift.settings import BLOCK, LONGEST

# From which quantile on a distance's tail counts as exponential.
_TAIL = 0.98
# Rates at which the simulation itself counts alarms: enough of them, and not many on one path.
_MOST_ALARMS_A_PATH = 0.3
_FEWEST_ALARMS = 40


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
    return Tail(start, max(float(beyond.mean()) if beyond.size else 0.0, 1e-9))


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
    highest = np.sort(rarities[:, LONGEST // BLOCK :].max(axis=(1, 2)))[::-1]
    num_counted = len(highest) * (rarities.shape[1] - LONGEST // BLOCK) * BLOCK
    most = int(_MOST_ALARMS_A_PATH * len(highest))
    levels = np.linspace(highest[most], highest[min(_FEWEST_ALARMS, most // 3)], 6)
    counts = np.array([_alarms(rarities, sizes, level) for level in levels])
    rates = np.maximum(counts, 1) / num_counted
    wanted = float(np.log(1 / declared_images))
    if wanted >= np.log(rates[-1]):
        return float(np.interp(-wanted, -np.log(rates), levels))
    slope = min(np.polyfit(levels, np.log(rates), 1)[0], -0.5)
    return float(levels[-1] + (wanted - np.log(rates[-1])) / slope)


def _alarms(rarities: NDArray[np.float32], sizes: NDArray[np.int64], level: float) -> int:
    """Count alarms after the first `LONGEST` rows of each path, with windows that begin anew after each."""
    ends = np.arange(1, rarities.shape[1] + 1)
    crossed = rarities >= level
    begun = np.zeros(len(rarities), dtype=np.int64)
    paths = np.arange(len(rarities))
    count = 0
    while len(paths):
        is_full = (ends[None, :, None] - begun[paths, None, None]) * BLOCK >= sizes
        hits = (crossed[paths] & is_full).any(axis=2)
        first = hits.argmax(axis=1)
        is_hit = hits[np.arange(len(paths)), first]
        paths, first = paths[is_hit], first[is_hit]
        begun[paths] = first + 1
        count += int((first >= LONGEST // BLOCK).sum())
    return count
