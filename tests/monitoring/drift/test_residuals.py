import numpy as np
import pytest

from monitoring.drift.observations import Observations
from monitoring.drift.residuals import fit_residuals


def labelled(rng: np.random.Generator, labels: np.ndarray) -> Observations:
    rows = labels[:, None] * 5.0 + rng.standard_normal((len(labels), 4))
    return Observations(rows.astype(np.float32), labels, np.zeros(len(labels), np.float32))


def test_what_the_class_explains_is_taken_away() -> None:
    rng = np.random.default_rng(0)
    labels = np.arange(900) % 3
    residuals = fit_residuals(labelled(rng, labels), 3, 4)
    left = residuals.apply(labelled(rng, labels))
    means = np.stack([left[labels == each].mean(axis=0) for each in range(3)])
    # Means of 300 rows of variance one, of which 300 others were taken: a deviation of .08.
    assert np.abs(means).max() < 0.4


def test_reference_rows_lie_as_far_from_their_class_as_new_rows_do() -> None:
    # Each row is left out of its own class's mean: with it, classes of three rows would seem a third as wide.
    rng = np.random.default_rng(0)
    labels = np.arange(600) % 200
    residuals = fit_residuals(labelled(rng, labels % 5), 200, 4)
    thin = fit_residuals(labelled(rng, labels), 200, 4)
    for fitted, new in ((residuals, labels % 5), (thin, labels)):
        left = fitted.apply(labelled(rng, new))
        assert left.var() == pytest.approx(fitted.reference.var(), rel=0.25)


def test_a_class_that_the_reference_never_saw_has_the_mean_of_all() -> None:
    rng = np.random.default_rng(0)
    reference = labelled(rng, np.zeros(200, np.int64))
    residuals = fit_residuals(reference, 2, 4)
    assert residuals.means[1] == pytest.approx(reference.embeddings.mean(axis=0), abs=1e-5)
