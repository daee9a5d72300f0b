import numpy as np
import pytest

from monitoring.drift.detectors.classes import ClassDetector
from monitoring.drift.detectors.confidences import ConfidenceDetector
from monitoring.drift.null_streams import Paths, null_distances
from monitoring.drift.observations import Observations


@pytest.fixture
def reference() -> Observations:
    rng = np.random.default_rng(0)
    return Observations(
        np.zeros((1000, 1), np.float32), rng.integers(4, size=1000), rng.random(1000).astype(np.float32)
    )


def test_simulated_distances_are_those_of_fresh_windows_and_fresh_references(
    reference: Observations,
) -> None:
    # Two squared deviates, each larger by 800 / 1,000 than against a known reference: mean 2 · 1.8. Without
    # a reference of each path's own it would be 2. 400 paths: a standard error of .18.
    detector = ConfidenceDetector(reference.confidences)
    distances = null_distances(
        [detector], [detector.features(reference)], Paths(400, 800, 1), np.random.default_rng(0)
    )
    assert distances.shape == (400, 80, 3)
    assert distances[:, -1, 2].mean() == pytest.approx(3.6, abs=0.6)


def test_windows_that_are_not_full_have_no_distance(reference: Observations) -> None:
    detector = ClassDetector(4)
    distances = null_distances(
        [detector], [detector.features(reference)], Paths(2, 100, 1), np.random.default_rng(0)
    )
    assert np.isfinite(distances[:, 4:, 0]).all()
    assert not np.isfinite(distances[:, :4, 0]).any()
    assert not np.isfinite(distances[..., 1:]).any()


def test_neighbours_that_are_drawn_together_lie_farther(reference: Observations) -> None:
    detector = ConfidenceDetector(np.sort(reference.confidences))
    in_order = Observations(reference.embeddings, reference.labels, np.sort(reference.confidences))
    features = detector.features(in_order)
    alone, together = (
        null_distances([detector], [features], Paths(50, 200, each), np.random.default_rng(0))[..., 0]
        for each in (1, 20)
    )
    assert np.nanmean(together[:, 4:]) > 3 * np.nanmean(alone[:, 4:])
