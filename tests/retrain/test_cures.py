"""Which cure a verdict calls for."""

import pytest

from retrain.cures import next_cure
from retrain.gate.verdict import Check, Decision, Verdict

USUAL = ("new", "sources", "golden", "old", "anchor", "slices", "classes", "flips", "calibration", "finite")
OLD = ("golden", "old", "anchor", "agreement", "slices", "classes", "flips", "calibration")


def verdict(
    decision: Decision, *, refused: tuple[str, ...] = (), still_open: tuple[str, ...] = ()
) -> Verdict:
    names = dict.fromkeys((*USUAL, *refused, *still_open))
    checks = [
        Check(name, None, is_open=True) if name in still_open else Check(name, name not in refused)
        for name in names
    ]
    return Verdict(decision, "", tuple(checks), alpha=0.04)


@pytest.mark.parametrize("name", OLD)
def test_half_is_tried_where_something_old_was_lost(name: str) -> None:
    assert next_cure(verdict("rejected", refused=(name,))) == "half_blend"


@pytest.mark.parametrize("name", ["golden", "old", "anchor", "agreement"])
def test_half_is_tried_where_holding_the_old_is_not_shown(name: str) -> None:
    assert next_cure(verdict("inconclusive", still_open=(name,))) == "half_blend"


def test_half_is_tried_where_labels_are_missing_too() -> None:
    assert next_cure(verdict("inconclusive", still_open=("new", "golden"))) == "half_blend"


def test_no_cure_is_tried_for_a_candidate_that_passed() -> None:
    assert next_cure(verdict("passed")) is None


def test_there_is_no_cure_for_missing_labels() -> None:
    assert next_cure(verdict("awaiting_labels", still_open=("new",))) is None
    assert next_cure(verdict("awaiting_labels", still_open=("sources",))) is None


def test_what_was_not_asked_needs_no_cure() -> None:
    assert next_cure(Verdict("passed", "", (Check("anchor", None), Check("slices", None)), 0.04)) is None


def test_there_is_no_cure_for_a_candidate_that_won_nothing() -> None:
    assert next_cure(verdict("rejected", refused=("new",))) is None
    assert next_cure(verdict("rejected", refused=("new", "golden"))) is None


def test_nan_is_not_mixed_into_production() -> None:
    assert next_cure(verdict("rejected", refused=("finite", "golden"))) is None
