from collections.abc import Callable

import numpy as np
import pytest

from monitoring.drift.explanation import Explainer, diverse
from monitoring.drift.observations import Observations
from monitoring.errors import TooFewEmbeddingsError

Draw = Callable[..., Observations]
NUM_BEFORE = 200


@pytest.fixture
def explainer(draw: Draw) -> Explainer:
    return Explainer(draw(800), 4, 16)


def test_other_shares_of_classes_are_a_class_mix_and_the_risen_class_comes_first(
    explainer: Explainer, draw: Draw
) -> None:
    recent = draw(NUM_BEFORE).followed_by(draw(200, shares=(0.1, 0.1, 0.7, 0.1)))
    explanation = explainer.explain(recent, NUM_BEFORE)
    assert explanation.kind == "class_mix"
    assert explanation.classes[0] == 2
    assert set(recent.labels[list(explanation.witness)]) == {2}
    assert abs(explanation.since - NUM_BEFORE) <= 20


def test_one_class_that_looks_otherwise_is_named_with_its_images(explainer: Explainer, draw: Draw) -> None:
    recent = draw(NUM_BEFORE).followed_by(draw(200, moved=1.5, only=1))
    explanation = explainer.explain(recent, NUM_BEFORE)
    assert explanation.kind == "looks"
    assert explanation.classes[0] == 1
    witness = list(explanation.witness)
    assert set(recent.labels[witness]) == {1}
    assert min(witness) >= NUM_BEFORE


def test_no_class_in_particular_is_named_where_all_look_otherwise(explainer: Explainer, draw: Draw) -> None:
    explanation = explainer.explain(draw(NUM_BEFORE).followed_by(draw(200, moved=2)), NUM_BEFORE)
    assert (explanation.kind, explanation.classes) == ("looks", ())


def test_the_change_is_found_though_the_window_began_long_before_it(explainer: Explainer, draw: Draw) -> None:
    recent = draw(NUM_BEFORE).followed_by(draw(100, moved=2))
    assert abs(explainer.explain(recent, 0).since - NUM_BEFORE) <= 5


def test_nearest_is_the_reference_row_at_the_least_distance(draw: Draw) -> None:
    reference = draw(200)
    recent = reference.rows(np.arange(40, 100))
    explanation = Explainer(reference, 4, 16).explain(recent, 0)
    assert [40 + row for row in explanation.witness] == list(explanation.nearest)


def test_so_many_witnesses_as_are_sure_and_twenty_at_most(explainer: Explainer, draw: Draw) -> None:
    few = explainer.explain(draw(NUM_BEFORE).followed_by(draw(20, moved=3)), NUM_BEFORE)
    many = explainer.explain(draw(NUM_BEFORE).followed_by(draw(200, moved=3)), NUM_BEFORE)
    assert len(few.witness) <= 20
    assert set(few.witness) <= set(range(NUM_BEFORE, NUM_BEFORE + 20))
    assert len(many.witness) == 20


def test_fewer_than_twenty_rows_are_refused(explainer: Explainer, draw: Draw) -> None:
    with pytest.raises(TooFewEmbeddingsError, match="got 19"):
        explainer.explain(draw(19), 0)


def test_diverse_takes_the_best_and_then_the_farthest() -> None:
    rows = np.array([[0.0], [0.1], [5.0], [9.0]], np.float32)
    assert diverse(rows, np.array([0.99, 0.98, 0.9, 0.1]), most=2) == (0, 2)


def test_diverse_takes_the_best_alone_where_none_is_sure() -> None:
    rows = np.zeros((3, 1), np.float32)
    assert diverse(rows, np.array([0.1, 0.3, 0.2]), most=2) == (1,)
