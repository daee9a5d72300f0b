"""Watches a stream of images, and says when it has left what is normal."""

from dataclasses import dataclass

import numpy as np

from monitoring.drift.calibration import calibrate
from monitoring.drift.detectors.detector import Features
from monitoring.drift.explanation import Explainer, Explanation
from monitoring.drift.observations import Observations
from monitoring.drift.settings import BLOCK, LONGEST, AlarmSettings
from monitoring.drift.windows import block_sums, running_sums, window_distances

# Rows that are computed at once.
_PIECE_ROWS = 2000


@dataclass(frozen=True, slots=True)
class Signal:
    """A window that lies too far from the reference.

    Attributes:
        detector: Which one saw it.
        index: The last row of the window, counted over the whole stream.
        statistic: The distance.
        threshold: What it reached.
        window: Rows of the window.
    """

    detector: str
    index: int
    statistic: float
    threshold: float
    window: int = LONGEST


class DriftMonitor:
    """Compares a stream with a reference of what is normal now.

    A row costs the same however many came before, and only sums over the last 800 rows are kept. After a
    signal all windows begin anew.
    """

    def __init__(
        self,
        reference: Observations,
        num_classes: int,
        settings: AlarmSettings,
        rng: np.random.Generator,
    ) -> None:
        self._calibration = calibrate(reference, num_classes, settings, rng)
        self._explainer = Explainer(reference, num_classes, settings.num_dimensions)
        self._num_seen = 0
        self._rest = reference.rows(slice(0))
        self._num_looked_at = 0
        self._begin_anew()

    def observe(self, new: Observations) -> Signal | None:
        """Take the next rows of the stream, and return the first signal in them.

        Rows after a signal go into windows that begin anew. Of several signals in one call only the first is
        returned.
        """
        self._num_seen += len(new)
        rows = self._rest.followed_by(new)
        num_whole = len(rows) // BLOCK * BLOCK
        self._rest = rows.rows(slice(num_whole, None))
        first = None
        for start in range(0, num_whole, _PIECE_ROWS):
            signal = self._take(rows.rows(slice(start, min(start + _PIECE_ROWS, num_whole))))
            first = first or signal
        return first

    def explain(self, signal: Signal, recent: Observations) -> Explanation:
        """Say what moved; the more rows came after the signal, the surer it is.

        Args:
            signal: What was returned.
            recent: The last rows that were taken, up to the very last: those of the signal's window, and
                best the 800 before it and what came after.

        Raises:
            TooFewEmbeddingsError: There are fewer than 20 of them.
        """
        begin = len(recent) - self._num_seen + signal.index + 1 - signal.window
        return self._explainer.explain(recent, begin)

    def _take(self, rows: Observations) -> Signal | None:
        new = [block_sums(detector.features(rows)) for detector in self._calibration.detectors]
        signal = self._look(new)
        if signal is not None:
            used = (signal.index + 1 - self._num_looked_at) // BLOCK
            self._begin_anew()
            self._num_looked_at += used * BLOCK
            new = [each[used:] for each in new]
        self._keep(new)
        return signal

    def _look(self, new: list[Features]) -> Signal | None:
        known = self._calibration
        num_kept = len(self._blocks[0])
        running = [running_sums(np.concatenate(pair)) for pair in zip(self._blocks, new, strict=True)]
        columns = [
            window_distances(detector, window, each, normal, known.num_reference, self._num_dropped)
            for detector, each, normal in zip(known.detectors, running, known.normal, strict=True)
            for window in detector.windows
        ]
        distances = np.stack(columns, axis=-1)[num_kept:]
        rarities = known.rarities(distances)
        crossings = np.argwhere(rarities >= known.rarity)
        if not len(crossings):
            return None
        block = int(crossings[0, 0])
        place = int(rarities[block].argmax())
        look = known.looks[place]
        return Signal(
            detector=look.detector.name,
            index=self._num_looked_at + (block + 1) * BLOCK - 1,
            statistic=float(distances[block, place]),
            threshold=look.tail.at(known.rarity),
            window=look.window.size,
        )

    def _begin_anew(self) -> None:
        self._blocks: list[Features] = [each[None][:0] for each in self._calibration.normal]
        self._num_dropped = 0

    def _keep(self, new: list[Features]) -> None:
        """Keep the sums of the last `LONGEST` rows."""
        num = len(self._blocks[0]) + len(new[0])
        num_dropped = max(0, num - LONGEST // BLOCK)
        self._blocks = [np.concatenate(pair)[num_dropped:] for pair in zip(self._blocks, new, strict=True)]
        self._num_dropped += num_dropped
        self._num_looked_at += len(new[0]) * BLOCK
