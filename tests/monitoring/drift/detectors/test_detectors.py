from collections.abc import Callable

import numpy as np
import pytest
from scipy.stats import power_divergence

from monitoring.drift.detectors.classes import ClassDetector
from monitoring.drift.detectors.confidences import ConfidenceDetector
from monitoring.drift.detectors.embeddings import EmbeddingDetector
from monitoring.drift.detectors.within_classes import WithinClassDetector
from monitoring.drift.observations import Observations
from monitoring.drift.residuals import fit_residuals
from monitoring.drift.whitening import fit_whitening

NUM_CLASSES = 5


def observations(
    rng: np.random.Generator, num: int, labels: np.ndarray | None = None, width: int = 3
) -> Observations:
    labels = rng.integers(NUM_CLASSES, size=num) if labels is None else labels
    return Observations(
        rng.standard_normal((num, width)).astype(np.float32), labels, rng.random(num).astype(np.float32)
    )


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture
def detectors(rng: np.random.Generator) -> Callable[[Observations], list[object]]:
    def fitted(reference: Observations) -> list[object]:
        whitening = fit_whitening(reference.embeddings, 8)
        whitened = whitening.apply(reference.embeddings)
        residuals = fit_residuals(reference, NUM_CLASSES, 8)
        return [
            EmbeddingDetector(whitening, whitened, 16, rng),
            ClassDetector(NUM_CLASSES),
            ConfidenceDetector(reference.confidences),
            WithinClassDetector(residuals, reference.labels, NUM_CLASSES),
        ]

    return fitted


def test_a_window_that_is_the_reference_lies_nowhere_from_it(
    detectors: Callable[[Observations], list[ClassDetector]], rng: np.random.Generator
) -> None:
    reference = observations(rng, 400)
    for detector in detectors(reference):
        sums = detector.features(reference).sum(axis=0)
        # Within classes the distance is less than chance gives: nought less its mean.
        assert float(detector.distance(sums, 400, sums, 400)) <= 0.1


def test_distances_of_many_windows_are_those_of_each(
    detectors: Callable[[Observations], list[ClassDetector]], rng: np.random.Generator
) -> None:
    reference = observations(rng, 400)
    windows = [observations(rng, 100) for _ in range(3)]
    for detector in detectors(reference):
        normal = detector.features(reference).sum(axis=0)
        sums = [detector.features(each).sum(axis=0) for each in windows]
        together = detector.distance(np.stack(sums), 100, normal, 400)
        alone = [float(detector.distance(each, 100, normal, 400)) for each in sums]
        assert together == pytest.approx(alone, rel=1e-4)


def test_products_of_features_are_the_gaussian_kernel(rng: np.random.Generator) -> None:
    rows = observations(rng, 300)
    whitening = fit_whitening(rows.embeddings, 3)
    whitened = whitening.apply(rows.embeddings)
    detector = EmbeddingDetector(whitening, whitened, 20_000, np.random.default_rng(1))
    features = detector.features(rows.rows(slice(0, 40)))
    squared = ((whitened[:40, None] - whitened[None, :40]) ** 2).sum(axis=2)
    everything = ((whitened[:, None] - whitened[None]) ** 2).sum(axis=2)
    median = np.median(np.sqrt(everything[np.triu_indices(300, 1)]))
    # The bandwidth comes from 2,000 pairs, and the kernel from 20,000 frequencies: errors of .01 each.
    assert features @ features.T == pytest.approx(np.exp(-squared / (2 * median**2)), abs=0.05)


def test_the_class_distance_is_the_likelihood_ratio(rng: np.random.Generator) -> None:
    reference = np.array([300, 100, 100, 300, 200], np.float32)
    counts = np.array([30, 10, 0, 40, 20], np.float32)
    distance = ClassDetector(NUM_CLASSES).distance(counts, 100, reference, 1000)
    expected = (reference + 1) / 1005 * 100
    assert float(distance) == pytest.approx(power_divergence(counts, expected, lambda_=0).statistic, rel=1e-5)


def test_a_class_that_the_reference_never_saw_is_far_but_not_infinitely(rng: np.random.Generator) -> None:
    reference = np.array([500, 500, 0, 0, 0], np.float32)
    one, many = (
        float(ClassDetector(NUM_CLASSES).distance(np.array(each, np.float32), 50, reference, 1000))
        for each in ([25, 24, 1, 0, 0], [0, 0, 50, 0, 0])
    )
    assert one < 20 < many < np.inf


def test_confidences_that_fall_rank_lower(rng: np.random.Generator) -> None:
    reference = observations(rng, 1000)
    detector = ConfidenceDetector(reference.confidences)
    normal = detector.features(reference).sum(axis=0)
    low = Observations(
        np.zeros((50, 3), np.float32), np.zeros(50, np.int64), (rng.random(50) * 0.5).astype(np.float32)
    )
    same = observations(rng, 50)
    distances = [
        float(detector.distance(detector.features(each).sum(axis=0), 50, normal, 1000))
        for each in (low, same)
    ]
    # Two squared deviates: about 2 without a change, with 12 in 1 of 400; here ranks are three deviates off.
    assert distances[0] > 30
    assert distances[1] < 12


def test_confidences_that_spread_otherwise_with_the_same_mean_are_far(rng: np.random.Generator) -> None:
    reference = observations(rng, 1000)
    detector = ConfidenceDetector(reference.confidences)
    normal = detector.features(reference).sum(axis=0)
    middle = Observations(
        np.zeros((200, 3), np.float32),
        np.zeros(200, np.int64),
        (0.4 + 0.2 * rng.random(200)).astype(np.float32),
    )
    assert float(detector.distance(detector.features(middle).sum(axis=0), 200, normal, 1000)) > 50


def test_one_class_of_ten_images_is_told_among_two_hundred(rng: np.random.Generator) -> None:
    reference = observations(rng, 1000)
    detector = WithinClassDetector(fit_residuals(reference, NUM_CLASSES, 3), reference.labels, NUM_CLASSES)
    normal = detector.features(reference).sum(axis=0)
    labels = np.repeat([0, 1, 2, 3, 4], [47, 47, 47, 47, 12])
    window = observations(rng, 200, labels)
    moved = window.embeddings.copy()
    moved[labels == 4] += 2
    usual, odd = (
        detector.by_class(detector.features(each).sum(axis=0), normal)
        for each in (window, Observations(moved, labels, window.confidences))
    )
    assert usual.max() < 5
    assert odd.argmax() == 4
    assert odd.max() > 20


def test_classes_with_few_reference_rows_are_not_looked_at_on_their_own(rng: np.random.Generator) -> None:
    labels = np.repeat([0, 1, 2], [60, 19, 20])
    reference = observations(rng, 99, labels)
    detector = WithinClassDetector(fit_residuals(reference, NUM_CLASSES, 3), labels, NUM_CLASSES)
    assert list(detector.classes) == [0, 2]
