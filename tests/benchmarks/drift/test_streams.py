from collections.abc import Callable

import numpy as np
import pytest

from benchmarks.drift.pool import Pool
from benchmarks.drift.streams import (
    NUM_BEFORE,
    NUM_REFERENCE,
    Stream,
    half_by_night,
    in_bursts,
    one_class,
    other_mix,
    repeated,
    steady,
)
from monitoring.drift.observations import Observations

NUM = 12_000
CHANGES = [half_by_night, other_mix, one_class("night"), one_class("tinted")]


@pytest.fixture(scope="module")
def pool() -> Pool:
    """Embeddings that tell each photograph and its variant: row i by day is (i, 0), by night (i, 1)."""
    classes = np.arange(NUM) % 10
    numbers = np.arange(NUM, dtype=np.float32)
    variants = {
        name: Observations(
            np.stack([numbers, np.full(NUM, place, np.float32)], axis=1), classes, np.ones(NUM, np.float32)
        )
        for place, name in enumerate(("day", "night", "tinted"))
    }
    hashes = np.random.default_rng(0).integers(-(2**62), 2**62, size=NUM)
    return Pool(classes, variants, hashes)


def photographs(observations: Observations) -> set[int]:
    return set(observations.embeddings[:, 0].astype(int).tolist())


@pytest.mark.parametrize("make", [steady, repeated, in_bursts, *CHANGES])
def test_no_image_of_a_stream_is_in_its_reference(
    pool: Pool, make: Callable[[Pool, np.random.Generator], Stream]
) -> None:
    stream = make(pool, np.random.default_rng(0))
    assert len(stream.reference) == NUM_REFERENCE
    assert not photographs(stream.reference) & photographs(stream.rows)
    assert len(photographs(stream.rows)) == len(stream.rows)


def test_all_kinds_of_one_seed_have_one_reference(pool: Pool) -> None:
    references = [make(pool, np.random.default_rng(3)).reference for make in (steady, repeated, *CHANGES)]
    assert all(np.array_equal(each.embeddings, references[0].embeddings) for each in references)


def test_ten_thousand_requests_that_ask_each_image_five_times_are_two_thousand_images(pool: Pool) -> None:
    assert 1990 <= len(repeated(pool, np.random.default_rng(0)).rows) <= 2000


def test_bursts_of_five_are_one_image_each(pool: Pool) -> None:
    assert 1990 <= len(in_bursts(pool, np.random.default_rng(0)).rows) <= 2000


@pytest.mark.parametrize("make", CHANGES)
def test_nothing_is_drifted_before_the_change(
    pool: Pool, make: Callable[[Pool, np.random.Generator], Stream]
) -> None:
    stream = make(pool, np.random.default_rng(0))
    assert stream.start == NUM_BEFORE
    assert not stream.is_drifted[:NUM_BEFORE].any()
    assert stream.is_drifted[NUM_BEFORE:].any()


def test_half_of_the_images_are_by_night_after_the_change(pool: Pool) -> None:
    stream = half_by_night(pool, np.random.default_rng(0))
    is_night = stream.rows.embeddings[:, 1] == 1
    assert np.array_equal(is_night, stream.is_drifted)
    # 1,500 tosses: a deviation of .013.
    assert is_night[NUM_BEFORE:].mean() == pytest.approx(0.5, abs=0.06)


def test_two_classes_are_half_of_the_stream_and_their_share_of_the_rest(pool: Pool) -> None:
    stream = other_mix(pool, np.random.default_rng(0))
    after = np.isin(stream.rows.labels[NUM_BEFORE:], stream.classes)
    assert np.array_equal(after, stream.is_drifted[NUM_BEFORE:])
    # What is left of the two classes is rarer in the other half.
    assert 0.5 < after.mean() < 0.62


def test_only_the_images_of_one_class_are_of_the_other_variant(pool: Pool) -> None:
    stream = one_class("tinted")(pool, np.random.default_rng(0))
    is_tinted = stream.rows.embeddings[:, 1] == 2
    assert set(stream.rows.labels[is_tinted]) == set(stream.classes)
    assert np.array_equal(is_tinted, stream.is_drifted)
