"""How honest two models' confidences are on the same samples."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vision.calibration import expected_calibration_error


@dataclass(frozen=True, slots=True)
class CalibrationPair:
    """Expected calibration errors of champion and candidate on the same samples, fractions."""

    champion: float
    candidate: float
    num_samples: int

    @property
    def rise(self) -> float:
        """How much worse the candidate's is; NaN where either is."""
        return self.candidate - self.champion


def compare_calibration(
    champion: tuple[NDArray[np.floating], float],
    candidate: tuple[NDArray[np.floating], float],
    labels: NDArray[np.integer],
) -> CalibrationPair:
    """Return both models' errors, each from its logits of shape (n, classes) and its temperature."""
    return CalibrationPair(
        expected_calibration_error(champion[0], labels, champion[1]),
        expected_calibration_error(candidate[0], labels, candidate[1]),
        len(labels),
    )
