import numpy as np
import pytest

from monitoring.errors import EmbeddingMismatchError, TooFewEmbeddingsError
from monitoring.mmd import discrepancy


def mmd(reference: np.ndarray, window: np.ndarray) -> float:
    return discrepancy(reference, window, np.random.default_rng(0), num_permutations=1).value


def by_hand(reference: np.ndarray, window: np.ndarray) -> float:
    """The definition, term by term."""
    rows = np.concatenate([reference, window])
    pairs = [np.linalg.norm(a - b) for i, a in enumerate(rows) for b in rows[i + 1 :]]
    sigma = np.median(pairs)

    def kernel(a: np.ndarray, b: np.ndarray) -> float:
        return float(np.exp(-(np.linalg.norm(a - b) ** 2) / (2 * sigma**2)))

    def within(rows: np.ndarray) -> float:
        n = len(rows)
        return sum(kernel(rows[i], rows[j]) for i in range(n) for j in range(n) if i != j) / (n * (n - 1))

    across = np.mean([[kernel(a, b) for b in window] for a in reference])
    return within(reference) + within(window) - 2 * float(across)


def test_mmd_is_the_definition_computed_term_by_term() -> None:
    rng = np.random.default_rng(0)
    reference, window = rng.standard_normal((7, 3)), rng.standard_normal((4, 3)) + 1
    assert mmd(reference, window) == pytest.approx(by_hand(reference, window), rel=1e-9)


def test_mmd_of_one_distribution_is_zero_on_average_so_it_is_unbiased() -> None:
    # 300 draws with a standard deviation of about .01 each: the mean has one of .0006. The biased
    # estimate, with its diagonal, would be about .06.
    rng = np.random.default_rng(0)
    values = [mmd(rng.standard_normal((30, 4)), rng.standard_normal((20, 4))) for _ in range(300)]
    assert abs(np.mean(values)) < 0.003


def test_mmd_of_float16_far_from_the_origin_loses_no_digits() -> None:
    rng = np.random.default_rng(0)
    rows = rng.integers(0, 8, (40, 6)).astype(np.float16)
    assert mmd(rows[:20] + np.float16(1000), rows[20:] + np.float16(1000)) == pytest.approx(
        mmd(rows[:20], rows[20:]), abs=1e-9
    )


def test_discrepancy_of_shifted_embeddings_is_over_its_null() -> None:
    rng = np.random.default_rng(0)
    result = discrepancy(rng.standard_normal((200, 16)), rng.standard_normal((100, 16)) + 0.5, rng)
    assert result.value > 3 * result.null_95 > 0


def test_null_is_exceeded_about_five_times_of_a_hundred_without_drift() -> None:
    # 200 windows at an expected rate of 5 %: 2.5 and 9.5 % are about three standard errors away.
    rng = np.random.default_rng(1)
    results = [
        discrepancy(rng.standard_normal((40, 8)), rng.standard_normal((30, 8)), rng, 100) for _ in range(200)
    ]
    assert 0.01 <= np.mean([one.value > one.null_95 for one in results]) <= 0.10


def test_discrepancy_with_the_same_seed_is_the_same() -> None:
    rows = np.random.default_rng(0).standard_normal((60, 4))
    first, second = (discrepancy(rows[:40], rows[40:], np.random.default_rng(7)) for _ in range(2))
    assert first == second


def test_equal_rows_everywhere_are_no_drift() -> None:
    result = discrepancy(np.ones((10, 3)), np.ones((5, 3)), np.random.default_rng(0))
    assert result.value == pytest.approx(0, abs=1e-12)
    assert result.null_95 == pytest.approx(0, abs=1e-12)


def test_mostly_equal_rows_with_a_median_distance_of_zero_still_give_a_number() -> None:
    reference = np.zeros((20, 2))
    window = np.zeros((10, 2))
    window[0] = 1
    assert np.isfinite(mmd(reference, window))


def test_a_camera_gone_black_is_far_from_a_varied_reference() -> None:
    reference = np.random.default_rng(0).standard_normal((50, 4))
    assert mmd(reference, np.zeros((50, 4))) > 0.2


@pytest.mark.parametrize(("num_reference", "num_window"), [(1, 5), (5, 1), (0, 0)])
def test_fewer_than_two_rows_are_refused(num_reference: int, num_window: int) -> None:
    with pytest.raises(TooFewEmbeddingsError, match=f"{num_reference} and {num_window}"):
        mmd(np.zeros((num_reference, 3)), np.zeros((num_window, 3)))


def test_embeddings_of_two_widths_are_refused() -> None:
    with pytest.raises(EmbeddingMismatchError, match="one width"):
        mmd(np.zeros((4, 3)), np.zeros((4, 2)))


def test_nan_is_refused() -> None:
    window = np.zeros((4, 3))
    window[1, 1] = np.nan
    with pytest.raises(EmbeddingMismatchError, match="NaN"):
        mmd(np.zeros((4, 3)), window)
