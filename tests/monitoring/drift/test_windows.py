import numpy as np
import pytest

from monitoring.drift.detectors.confidences import ConfidenceDetector
from monitoring.drift.observations import Observations
from monitoring.drift.settings import BLOCK, Window
from monitoring.drift.windows import block_sums, running_sums, window_distances

WINDOW = Window(40, 20)


@pytest.fixture
def detector() -> ConfidenceDetector:
    return ConfidenceDetector(np.linspace(0, 1, 100, dtype=np.float32))


def features(detector: ConfidenceDetector, num: int) -> np.ndarray:
    confidences = np.random.default_rng(0).random(num).astype(np.float32)
    return detector.features(
        Observations(np.zeros((num, 1), np.float32), np.zeros(num, np.int64), confidences)
    )


def test_each_window_is_compared_by_its_own_rows(detector: ConfidenceDetector) -> None:
    rows = features(detector, 100)
    distances = window_distances(
        detector, WINDOW, running_sums(block_sums(rows)), np.zeros(2, np.float32), 100
    )
    for end in (40, 60, 80, 100):
        alone = detector.distance(rows[end - 40 : end].sum(axis=0), 40, np.zeros(2, np.float32), 100)
        assert distances[end // BLOCK - 1] == pytest.approx(float(alone), rel=1e-4)


def test_windows_are_looked_at_by_their_stride_and_when_they_are_full(detector: ConfidenceDetector) -> None:
    blocks = block_sums(features(detector, 100))
    distances = window_distances(detector, WINDOW, running_sums(blocks), np.zeros(2, np.float32), 100)
    assert list(np.flatnonzero(np.isfinite(distances)) + 1) == [4, 6, 8, 10]


def test_blocks_that_were_dropped_do_not_move_the_strides(detector: ConfidenceDetector) -> None:
    blocks = block_sums(features(detector, 100))
    whole = window_distances(detector, WINDOW, running_sums(blocks), np.zeros(2, np.float32), 100)
    later = window_distances(
        detector, WINDOW, running_sums(blocks[3:]), np.zeros(2, np.float32), 100, first=3
    )
    assert later[4:] == pytest.approx(whole[7:], rel=1e-4)


def test_many_paths_are_compared_at_once(detector: ConfidenceDetector) -> None:
    blocks = block_sums(features(detector, 100))
    one = window_distances(detector, WINDOW, running_sums(blocks), np.zeros(2, np.float32), 100)
    two = window_distances(
        detector, WINDOW, running_sums(np.stack([blocks, blocks])), np.zeros((2, 1, 2), np.float32), 100
    )
    assert np.array_equal(two, np.stack([one, one]))
