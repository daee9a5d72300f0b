import numpy as np
import pytest

from monitoring.drift.change_point import change_point
from monitoring.drift.class_mix import find_class_mix
from monitoring.drift.odd_rows import find_odd_rows


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def white(rng: np.random.Generator, num: int) -> np.ndarray:
    return rng.standard_normal((num, 8)).astype(np.float32)


def test_odd_rows_among_usual_ones_are_told_apart(rng: np.random.Generator) -> None:
    recent = white(rng, 300)
    is_odd = (np.arange(300) >= 100) & (rng.random(300) < 0.3)
    recent[is_odd] += 2
    odd = find_odd_rows(white(rng, 1000), recent, [np.arange(80, 300)], 80)
    assert odd.share == pytest.approx(is_odd[100:].mean(), abs=0.05)
    assert abs(odd.since - 100) <= 10
    # Centres 5.7 deviations apart: 1 in 400 is on the wrong side of the middle.
    assert ((odd.probabilities > 0.5) == is_odd)[100:].mean() > 0.97
    assert odd.gain > 50


def test_nothing_odd_gives_no_gain(rng: np.random.Generator) -> None:
    gains = [find_odd_rows(white(rng, 1000), white(rng, 200), [np.arange(200)], 0).gain for _ in range(10)]
    assert np.mean(gains) < 3


def test_an_ordinary_cluster_of_the_reference_is_not_odd(rng: np.random.Generator) -> None:
    reference, recent = white(rng, 1000), white(rng, 200)
    reference[:100] += 3
    recent[:20] += 3
    odd = find_odd_rows(reference, recent, [np.arange(200), np.arange(20)], 0)
    assert odd.gain < 5


def test_the_start_that_explains_most_wins(rng: np.random.Generator) -> None:
    recent = white(rng, 400)
    recent[380:] += 2
    found = find_odd_rows(white(rng, 1000), recent, [np.arange(400), np.arange(380, 400)], 0)
    assert (found.probabilities[380:] > 0.5).mean() > 0.9


def test_a_change_point_is_where_the_sum_to_the_end_is_largest() -> None:
    assert change_point(np.array([1.0, -2.0, 1.0, 1.0])) == 2
    assert change_point(np.array([-1.0, -2.0])) == 1


def test_a_class_mix_tells_since_when_and_by_how_much(rng: np.random.Generator) -> None:
    before, after = rng.integers(4, size=200), rng.choice(4, 200, p=[0.55, 0.15, 0.15, 0.15])
    mix = find_class_mix(rng.integers(4, size=1000), np.concatenate([before, after]), 4, 150)
    assert abs(mix.since - 200) <= 30
    assert mix.excess.argmax() == 0
    # 60 more than 50 of 200, whose deviation is 6 to 7.
    assert mix.excess[0] == pytest.approx(60 / 6.7, rel=0.25)
    assert mix.gain > 15


def test_the_same_shares_give_no_gain(rng: np.random.Generator) -> None:
    gains = [
        find_class_mix(rng.integers(4, size=1000), rng.integers(4, size=200), 4, 0).gain for _ in range(20)
    ]
    assert np.mean(gains) < 2


def test_a_thousand_thin_classes_give_no_gain_without_a_change(rng: np.random.Generator) -> None:
    mix = find_class_mix(rng.integers(1000, size=2000), rng.integers(1000, size=400), 1000, 0)
    assert mix.gain < 10
