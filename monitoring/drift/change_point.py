"""Finds since when something has changed."""

import numpy as np
from numpy.typing import NDArray


def change_point(log_ratios: NDArray[np.floating]) -> int:
    """Return the row from which on the sum of log-likelihood ratios to the end is largest.

    Args:
        log_ratios: Of each row, changed against unchanged, in the order of time: shape (N,), N at least 1.

    Source:
        Page, "Continuous Inspection Schemes", Biometrika 1954: where the CUSUM last left nought is the
        likeliest time of the change.

    >>> change_point(np.array([-1.0, 0.5, -1.0, 2.0, -0.5, 1.0]))
    3
    """
    to_the_end = np.cumsum(log_ratios[::-1])[::-1]
    return int(to_the_end.argmax())
