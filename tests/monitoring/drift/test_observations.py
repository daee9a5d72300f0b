import numpy as np
import pytest

from monitoring.drift.observations import Observations
from monitoring.errors import EmbeddingMismatchError


@pytest.fixture
def three() -> Observations:
    return Observations(
        np.arange(6, dtype=np.float32).reshape(3, 2),
        np.array([0, 1, 2]),
        np.array([0.1, 0.2, 0.3], np.float32),
    )


def test_rows_come_in_the_order_asked_for(three: Observations) -> None:
    assert list(three.rows(np.array([2, 0])).labels) == [2, 0]
    assert list(three.rows(slice(1, None)).labels) == [1, 2]
    assert len(three.rows(1)) == 1


def test_later_rows_follow(three: Observations) -> None:
    assert list(three.followed_by(three.rows(0)).labels) == [0, 1, 2, 0]


def test_rows_of_two_widths_do_not_follow_each_other(three: Observations) -> None:
    other = Observations(np.zeros((1, 5), np.float32), np.zeros(1, np.int64), np.zeros(1, np.float32))
    with pytest.raises(EmbeddingMismatchError, match="of 2 values; got 5"):
        three.followed_by(other)


def test_arrays_of_other_lengths_are_refused(three: Observations) -> None:
    with pytest.raises(EmbeddingMismatchError, match="N labels"):
        Observations(three.embeddings, three.labels[:2], three.confidences)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_no_numbers_are_refused(three: Observations, value: float) -> None:
    broken = three.embeddings.copy()
    broken[1, 1] = value
    with pytest.raises(EmbeddingMismatchError, match="NaN or infinity"):
        Observations(broken, three.labels, three.confidences)
