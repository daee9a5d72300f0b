"""Which cure a verdict calls for."""

import pytest

from retrain.cures import next_cure
from retrain.gate.verdict import Check, Decision, Verdict


def verdict(decision: Decision, **checks: bool | None) -> Verdict:
    usual: dict[str, bool | None] = dict.fromkeys(
        ("finite", "old", "slices", "classes", "flips", "new"), True
    )
    return Verdict(decision, "", tuple(Check(name, passed) for name, passed in (usual | checks).items()))


@pytest.mark.parametrize("name", ["old", "slices", "classes", "flips", "calibration"])
def test_interpolation_is_tried_where_something_old_was_lost(name: str) -> None:
    assert next_cure(verdict("rejected", **{name: False}), []) == "interpolate"


def test_interpolation_is_tried_where_holding_the_old_is_not_shown() -> None:
    assert next_cure(verdict("inconclusive", old=None), []) == "interpolate"


def test_no_cure_is_tried_for_a_candidate_that_passed() -> None:
    assert next_cure(verdict("passed"), []) is None


def test_there_is_no_cure_for_new_labels_that_are_too_few() -> None:
    assert next_cure(verdict("inconclusive", new=None), []) is None
    assert next_cure(verdict("inconclusive", new=None, old=None), []) is None


def test_there_is_no_cure_for_a_candidate_that_learnt_nothing() -> None:
    assert next_cure(verdict("rejected", new=False), []) is None
    assert next_cure(verdict("rejected", new=False, old=False), []) is None


def test_nan_is_not_mixed_into_production() -> None:
    assert next_cure(verdict("rejected", finite=False, old=False), []) is None


def test_a_cure_is_tried_once() -> None:
    assert next_cure(verdict("rejected", old=False), ["interpolate"]) is None


def test_no_more_candidates_are_shown_than_allowed() -> None:
    assert next_cure(verdict("rejected", old=False), [], max_candidates=1) is None
