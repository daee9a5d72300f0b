"""Adds up features over windows that end at each block of rows."""

import numpy as np

from monitoring.drift.detectors.detector import Detector, Features
from monitoring.drift.settings import BLOCK, Window


def block_sums(features: Features) -> Features:
    """Return the sums over each `BLOCK` rows: from (N, F), N a multiple of it, to (N / BLOCK, F)."""
    return np.asarray(features.reshape(-1, BLOCK, features.shape[-1]).sum(axis=1))


def running_sums(blocks: Features) -> Features:
    """Return the sums of all blocks before each one, and of all: (..., blocks, F) to (..., blocks + 1, F)."""
    sums = np.zeros((*blocks.shape[:-2], blocks.shape[-2] + 1, blocks.shape[-1]), dtype=np.float32)
    np.cumsum(blocks, axis=-2, out=sums[..., 1:, :])
    return sums


def window_distances(
    detector: Detector,
    window: Window,
    running: Features,
    reference: Features,
    num_reference: int,
    first: int = 0,
) -> Features:
    """Return a detector's distance at the end of each block, -inf where the window is not looked at.

    Args:
        detector: Whose features they are.
        window: On which window.
        running: Running sums of features, oldest first, shape (..., blocks + 1, F).
        reference: Their sum over the reference, shape (..., 1, F) or (F,).
        num_reference: Rows in it.
        first: Blocks that came before these, which decides where the strides fall.
    """
    length = window.size // BLOCK
    num_blocks = running.shape[-2] - 1
    distances = np.full((*running.shape[:-2], num_blocks), -np.inf, dtype=np.float32)
    ends = np.arange(length, num_blocks + 1)
    ends = ends[(ends + first) % (window.stride // BLOCK) == 0]
    if len(ends):
        over = running[..., ends, :] - running[..., ends - length, :]
        distances[..., ends - 1] = detector.distance(over, window.size, reference, num_reference)
    return distances
