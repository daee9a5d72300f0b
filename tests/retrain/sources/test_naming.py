"""Which sources are named, by hand and in simulated rounds with stated error rates."""

from collections.abc import Sequence
from math import comb

import numpy as np
import pytest
from numpy.typing import NDArray

from retrain.sources.naming import ALPHA, MIN_LABELS, SourceDoubt, name_sources

_NUM_ROUNDS = 400
# At a rate of .01 more are named in one of a thousand runs of a test.
_MOST_BY_CHANCE = 11


def _name(own: tuple[int, int], others: tuple[int, int]) -> SourceDoubt:
    """Name among two sources of one class and confidence, of which (labels, doubtful) are given."""
    sources = ["mallory"] * own[0] + ["ann"] * others[0]
    doubtful = [each < num for num_all, num in (own, others) for each in range(num_all)]
    num = len(sources)
    found = name_sources(sources, np.zeros(num, dtype=np.int64), np.full(num, 0.8), np.array(doubtful))
    return next(each for each in found if each.source == "mallory")


def test_with_one_stratum_the_p_value_is_fishers() -> None:
    doubt = _name((20, 15), (30, 3))
    assert doubt.p_value == pytest.approx(
        sum(comb(18, k) * comb(32, 20 - k) for k in range(15, 19)) / comb(50, 20)
    )
    assert (doubt.num_labels, doubt.num_doubtful, doubt.share_doubtful) == (20, 15, 0.75)
    assert doubt.share_of_others == pytest.approx(0.1)
    assert doubt.is_named


def test_nobody_is_named_with_half_of_the_labels_doubtful() -> None:
    doubt = _name((40, 20), (400, 4))
    assert doubt.p_value < ALPHA / 2
    assert not doubt.is_named


def test_nobody_is_named_for_few_labels() -> None:
    assert not _name((MIN_LABELS - 1, MIN_LABELS - 1), (400, 4)).is_named
    assert _name((MIN_LABELS, MIN_LABELS), (400, 4)).is_named


def test_nobody_is_named_where_others_are_doubted_as_often() -> None:
    assert not _name((100, 80), (100, 78)).is_named


def test_labels_of_a_kind_that_nobody_else_gave_name_nobody() -> None:
    sources = ["mallory"] * 50 + ["ann"] * 50
    labels = np.repeat([0, 1], 50)
    doubtful = labels == 0
    [ann, mallory] = name_sources(sources, labels, np.full(100, 0.8), doubtful)
    assert (mallory.num_doubtful, mallory.num_compared, mallory.p_value) == (50, 0, 1.0)
    assert not mallory.is_named
    assert not ann.is_named


def test_a_lone_source_is_not_named() -> None:
    [only] = name_sources(
        ["ann"] * 60, np.zeros(60, dtype=np.int64), np.full(60, 0.5), np.ones(60, dtype=bool)
    )
    assert not only.is_named


def _doubts(
    rng: np.random.Generator, kinds: Sequence[str]
) -> tuple[list[str], NDArray[np.int64], NDArray[np.float64], NDArray[np.bool_]]:
    """Return a round of 500 labels: how often an honest one is doubted depends on class and confidence only.

    A `hard` source sends images of which the champion is unsure, a `flipping` one gives other labels. On
    photographs three honest labels in ten were doubtful, and seven flipped ones in ten; so they are here.
    """
    sources = rng.integers(0, len(kinds), 500)
    labels = rng.integers(0, 10, 500)
    is_hard = np.array([kinds[each] == "hard" for each in sources])
    confidences = np.where(is_hard, rng.beta(3, 4, 500), rng.beta(5, 2, 500))
    chance = 0.6 - 0.5 * confidences + 0.02 * labels
    is_flipped = np.array([kinds[each] == "flipping" for each in sources])
    chance = np.where(is_flipped, 0.7, chance)
    return [f"{each}-{kinds[each]}" for each in sources], labels, confidences, rng.random(500) < chance


def _rate(kinds: Sequence[str], named: str) -> int:
    """Return in how many simulated rounds a source of a kind is named."""
    rng = np.random.default_rng(0)
    rounds = (name_sources(*_doubts(rng, kinds)) for _ in range(_NUM_ROUNDS))
    return sum(any(each.is_named and named in each.source for each in found) for found in rounds)


def test_honest_sources_are_named_in_at_most_one_round_of_a_hundred() -> None:
    assert _rate(("easy",) * 5 + ("hard",), "") <= _MOST_BY_CHANCE


def test_beside_one_that_flips_nobody_honest_is_named() -> None:
    kinds = ("easy",) * 4 + ("hard", "flipping")
    assert _rate(kinds, "easy") + _rate(kinds, "hard") <= _MOST_BY_CHANCE


def test_one_of_six_that_flips_each_label_is_named_in_19_of_20_rounds() -> None:
    num = _rate(("easy",) * 4 + ("hard", "flipping"), "flipping")
    assert num >= 0.95 * _NUM_ROUNDS
