import numpy as np
import pytest

from monitoring.drift.stream import Row, distinct

PICTURE = 0x0F0F_3C3C_5A5A_1234  # 30 of 64 bits, as in a photograph


def test_an_image_that_is_asked_five_times_is_kept_once() -> None:
    rows = [Row(str(number % 4)) for number in range(20)]
    assert list(distinct(rows)) == [0, 1, 2, 3]


@pytest.mark.parametrize(("num_bits", "is_kept"), [(0, False), (4, False), (5, True)])
def test_a_picture_whose_hash_differs_in_four_bits_is_the_same(num_bits: int, is_kept: bool) -> None:
    other = PICTURE ^ ((1 << num_bits) - 1)
    assert (1 in distinct([Row("a", PICTURE), Row("b", other)])) == is_kept


def test_negative_hashes_are_compared_by_their_bits() -> None:
    assert list(distinct([Row("a", PICTURE - (1 << 63)), Row("b", (PICTURE - (1 << 63)) ^ 1)])) == [0]


def test_flat_pictures_have_like_hashes_and_are_kept() -> None:
    assert list(distinct([Row("a", 0), Row("b", 0), Row("c", 1)])) == [0, 1, 2]


def test_a_burst_of_one_group_is_kept_once() -> None:
    rows = [Row(str(number), group=str(number // 10)) for number in range(30)]
    assert list(distinct(rows)) == [0, 10, 20]


def test_a_refused_row_does_not_make_its_group_known() -> None:
    rows = [Row("a", group="first"), Row("a", group="second"), Row("b", group="second")]
    assert list(distinct(rows)) == [0, 2]


def test_a_source_has_a_fifth_at_most_where_five_send() -> None:
    rng = np.random.default_rng(0)
    sources = np.where(rng.random(4000) < 0.6, "loud", rng.choice(list("abcd"), 4000))
    kept = distinct([Row(str(number), source=each) for number, each in enumerate(sources)])
    # And ten: 112 of 512 are kept of each 1,000.
    assert (sources[kept][-1000:] == "loud").mean() == pytest.approx(0.22, abs=0.02)
    assert set("abcd") <= set(sources[kept][-100:])


def test_one_source_alone_is_kept_whole() -> None:
    assert len(distinct([Row(str(number), source="only") for number in range(500)])) == 500


def test_two_sources_have_half_each_at_most() -> None:
    rng = np.random.default_rng(0)
    sources = np.where(rng.random(3000) < 0.9, "loud", "quiet")
    kept = distinct([Row(str(number), source=each) for number, each in enumerate(sources)])
    assert (sources[kept][-200:] == "loud").mean() == pytest.approx(0.53, abs=0.05)


def test_equal_sources_at_their_limit_are_all_kept_on() -> None:
    rng = np.random.default_rng(0)
    kept = distinct([Row(str(number), source=str(rng.integers(5))) for number in range(4000)])
    assert len(kept) > 3500


def test_a_source_that_sends_hardly_anything_does_not_hold_the_others_up() -> None:
    rows = [Row(str(number), source="rare" if number % 100 == 50 else "usual") for number in range(2000)]
    assert len(distinct(rows)) > 1800


def test_requests_without_keys_have_no_source_and_are_kept() -> None:
    assert len(distinct([Row(str(number)) for number in range(500)])) == 500


def test_a_longer_log_begins_with_the_same_stream() -> None:
    rng = np.random.default_rng(0)
    rows = [
        Row(str(rng.integers(300)), int(rng.integers(-(2**62), 2**62)), source=str(rng.integers(3)))
        for _ in range(600)
    ]
    whole = distinct(rows)
    assert list(distinct(rows[:350])) == [index for index in whole if index < 350]


def test_no_rows_make_no_stream() -> None:
    assert len(distinct([])) == 0
