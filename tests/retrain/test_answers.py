import numpy as np
import pytest

from retrain.answers import answers_from_logits, answers_to
from store.evidence.answers import NOT_FINITE, Answer


def test_a_confidence_is_the_softmax_after_the_temperature() -> None:
    answers = answers_from_logits(np.array([[0.0, 2.0], [4.0, 0.0]]), temperature=2.0)
    assert answers.label_index.tolist() == [1, 0]
    assert answers.confidence == pytest.approx([1 / (1 + np.exp(-1)), 1 / (1 + np.exp(-2))])
    assert answers.is_right(np.array([1, 1])).tolist() == [True, False]


@pytest.mark.parametrize("broken", [np.nan, np.inf, -np.inf])
def test_an_answer_that_is_no_number_is_never_right(broken: float) -> None:
    answers = answers_from_logits(np.array([[0.0, broken], [0.0, 1.0]]), temperature=1.0)
    assert answers.label_index.tolist() == [NOT_FINITE, 1]
    assert answers.confidence[0] == 0
    assert answers.num_not_finite == 1
    assert answers.is_right(np.array([0, 1])).tolist() == [False, True]


def test_answers_keep_their_images() -> None:
    answers = answers_from_logits(np.array([[0.0, 0.0], [0.0, 9.0]]), temperature=1.0)
    known = answers.by_image(["a", "b"])
    assert known["a"] == Answer(0, 0.5)
    assert answers_to(["b", "a"], known).label_index.tolist() == [1, 0]


def test_no_images_have_no_answers() -> None:
    assert len(answers_from_logits(np.zeros((0, 3)), 1.0)) == 0
    assert len(answers_to([], {})) == 0
