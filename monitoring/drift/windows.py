"""Adds up features over windows that end at each block of rows."""

import numpy as np

from monitoring.drift.detectors.detector import Detector, Features
from monitoring.drift.settings import BLOCK, Window


def block_sums(features: Features) -> Features:
    """Return the sums over each `BLOCK` rows: from (N, F), N a multiple of it, to (N / BLOCK, F)."""
    return features.reshape(-1, BLOCK, features.shape[-1]).sum(axis=1)


def window_distances(
    detector: Detector,
    window: Window,
    blocks: Features,
    reference: Features,
    num_reference: int,
    first: int = 0,
) -> Features:
    """Return a detector's distance at the end of each block, -inf where the window is not looked at.

    Args:
        detector: Whose features they are.
        window: On which window.
        blocks: Sums of features by block, oldest first, shape (..., blocks, F).
        reference: Their sum over the reference, shape (..., 1, F) or (F,).
        num_reference: Rows in it.
        first: Blocks that came before these, which decides where the strides fall.
    """
    length = window.size // BLOCK
    num_blocks = blocks.shape[-2]
    distances = np.full(blocks.shape[:-1], -np.inf, dtype=np.float32)
    ends = np.arange(length - 1, num_blocks)
    ends = ends[(ends + 1 + first) % (window.stride // BLOCK) == 0]
    if len(ends):
        sums = np.cumsum(blocks, axis=-2, dtype=np.float32)
        before = np.where((ends >= length)[:, None], sums[..., ends - length, :], 0)
        over = sums[..., ends, :] - before
        distances[..., ends] = detector.distance(over, window.size, reference, num_reference)
    return distances
