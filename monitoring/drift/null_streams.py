"""Simulates streams without drift from a reference, each against a reference of its own."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from monitoring.drift.detectors.detector import Detector, Features
from monitoring.drift.settings import BLOCK
from monitoring.drift.windows import running_sums, window_distances

# Features of one batch of paths, at most: 64 MiB.
_MAX_VALUES = 1 << 24


@dataclass(frozen=True, slots=True)
class Paths:
    """How much is simulated: `num` paths of `length` rows, whose rows come in pieces of `together`."""

    num: int
    length: int
    together: int


def null_distances(
    detectors: Sequence[Detector],
    features: Sequence[Features],
    paths: Paths,
    rng: np.random.Generator,
) -> NDArray[np.float32]:
    """Return each detector's distance on each window along streams without drift.

    The reference is a sample itself, so a window's mean differs from its mean by what both miss. Each path
    therefore has a reference of its own, drawn from the real one as its windows are.

    Args:
        detectors: Those that look.
        features: Of the reference's rows, one array (N, F) for each detector.
        paths: How much.
        rng: Of the draws.

    Returns:
        Shape (paths, blocks, detectors' windows), -inf where a window is not looked at.
    """
    num_rows = len(features[0])
    widest = max(each.shape[1] for each in features)
    batch = int(np.clip(_MAX_VALUES // (paths.length // BLOCK * widest), 1, paths.num))
    parts = []
    for start in range(0, paths.num, batch):
        num = min(batch, paths.num - start)
        drawn = _drawn(num, paths.length, num_rows, paths.together, rng)
        references = _drawn(num, num_rows, num_rows, paths.together, rng)
        parts.append(
            np.stack(list(_along(detectors, features, drawn, references)), axis=-1).astype(np.float32)
        )
    return np.concatenate(parts)


def _along(
    detectors: Sequence[Detector],
    features: Sequence[Features],
    drawn: NDArray[np.int64],
    own: NDArray[np.int64],
) -> Iterator[Features]:
    num_paths, length = drawn.shape
    for detector, rows in zip(detectors, features, strict=True):
        blocks = _sums(rows, drawn.reshape(-1, BLOCK)).reshape(num_paths, length // BLOCK, -1)
        running = running_sums(blocks)
        reference = _sums(rows, own)[:, None, :]
        for window in detector.windows:
            yield window_distances(detector, window, running, reference, len(rows))


def _drawn(
    num_paths: int, length: int, num_rows: int, together: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Return rows of the reference for each path, in pieces of neighbours: shape (paths, length)."""
    num_pieces = -(-length // together)
    starts = rng.integers(num_rows, size=(num_paths, num_pieces, 1))
    rows = (starts + np.arange(together)) % num_rows
    return rows.reshape(num_paths, -1)[:, :length]


def _sums(rows: Features, wanted: NDArray[np.int64]) -> Features:
    """Return the sums of the wanted rows: from (M, n) row numbers to (M, F)."""
    num, each = wanted.shape
    ones = np.ones(wanted.size, dtype=np.float32)
    ends = np.arange(0, wanted.size + 1, each)
    counts = csr_array((ones, wanted.ravel(), ends), shape=(num, len(rows)))  # type: ignore[no-untyped-call]  # SciPy comes without types
    return np.asarray(counts @ rows, dtype=np.float32)
