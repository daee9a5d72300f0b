"""What a detector is."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from monitoring.drift.observations import Observations
from monitoring.drift.settings import Window

Features = NDArray[np.float32]


class Detector(Protocol):
    """Compares sums of features over a window with those over the reference.

    All that it knows of a window is the sum of its rows' features. So a row costs the same however long the
    window is, and thousands of windows are simulated by adding up rows of the reference.
    """

    @property
    def name(self) -> str:
        """What it looks at, one word."""
        ...

    @property
    def windows(self) -> tuple[Window, ...]:
        """On which windows it looks."""
        ...

    def features(self, rows: Observations) -> Features:
        """Return features (N, F) of N rows."""
        ...

    def distance(self, sums: Features, size: int, reference: Features, num_reference: int) -> Features:
        """Return how far windows lie from a reference; larger is farther.

        Args:
            sums: Of the features over each window, shape (..., F).
            size: Rows in each window.
            reference: Of the features over the reference, broadcastable to the windows.
            num_reference: Rows in it.
        """
        ...
