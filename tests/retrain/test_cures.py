"""What a verdict is put down to, and what is tried then."""

from collections.abc import Mapping
from typing import get_args

import pytest

from retrain.cures import Cause, Cure, diagnose
from retrain.gate.verdict import Check, Decision, Number, Verdict

USUAL = ("new", "sources", "golden", "old", "anchor", "slices", "classes", "flips", "calibration", "finite")
LIVE = {"num_images": 100, "num_differing": 12}


def found(
    decision: Decision,
    *,
    refused: tuple[str, ...] = (),
    still_open: tuple[str, ...] = (),
    on_new: Mapping[str, Number] = LIVE,
) -> tuple[Cause, Cure | None] | None:
    names = dict.fromkeys((*USUAL, *refused, *still_open))
    checks = [
        Check(name, None, is_open=True, numbers=on_new)
        if name in still_open
        else Check(name, name not in refused, numbers=on_new)
        for name in names
    ]
    diagnosis = diagnose(Verdict(decision, "", tuple(checks), alpha=0.04), "full")
    return None if diagnosis is None else (diagnosis.cause, diagnosis.cure)


@pytest.mark.parametrize(
    ("name", "cause"),
    [
        ("golden", "old_lost"),
        ("old", "old_lost"),
        ("anchor", "old_lost"),
        ("agreement", "old_lost"),
        ("slices", "slice_lost"),
        ("classes", "class_lost"),
        ("flips", "flips"),
    ],
)
def test_what_loses_something_old_is_moved_closer_to_production(name: str, cause: Cause) -> None:
    assert found("rejected", refused=(name,)) == (cause, "half_blend")


@pytest.mark.parametrize("name", ["golden", "old", "anchor", "agreement"])
def test_so_is_what_does_not_show_that_it_holds_the_old(name: str) -> None:
    assert found("inconclusive", still_open=(name,)) == ("old_not_shown", "half_blend")
    assert found("inconclusive", still_open=("new", name)) == ("old_not_shown", "half_blend")


def test_confidences_are_fitted_again() -> None:
    assert found("rejected", refused=("calibration",)) == ("confidences", "new_temperature")


def test_a_lost_class_comes_before_flips_and_confidences() -> None:
    refused = ("calibration", "flips", "golden", "classes")
    assert found("rejected", refused=refused) == ("class_lost", "half_blend")


def test_what_learnt_too_little_is_trained_longer() -> None:
    assert found("rejected", refused=("new",)) == ("new_not_learnt", "longer")
    assert found("inconclusive", still_open=("new",)) == ("new_not_learnt", "longer")


def test_what_lost_the_old_and_won_nothing_has_no_cure() -> None:
    assert found("rejected", refused=("new", "golden")) == ("old_lost", None)


def test_where_nothing_differs_there_is_nothing_to_cure() -> None:
    same = {"num_images": 100, "num_differing": 0}
    assert found("rejected", refused=("new",), on_new=same) == ("nothing_differs", None)


def test_without_new_images_nothing_can_be_cured() -> None:
    assert found("inconclusive", still_open=("new",), on_new={"num_images": 0}) == ("no_new_images", None)


def test_nan_is_not_mixed_into_production() -> None:
    assert found("rejected", refused=("finite", "golden")) == ("no_numbers", None)


def test_a_candidate_that_passed_or_waits_for_labels_needs_no_cure() -> None:
    assert found("passed") is None
    assert found("awaiting_labels", still_open=("new",)) is None
    assert found("awaiting_labels", still_open=("sources",)) is None
    assert (
        diagnose(Verdict("passed", "", (Check("anchor", None), Check("slices", None)), 0.04), "full") is None
    )


def test_one_source_that_decides_alone_has_no_cure() -> None:
    assert found("inconclusive", still_open=("sources",)) is None


def test_every_cause_says_in_words_what_is_done() -> None:
    verdicts = [("finite",), ("classes",), ("slices",), ("golden",), ("flips",), ("calibration",), ("new",)]
    said = set()
    for refused in verdicts:
        checks = tuple(Check(name, name not in refused, numbers=LIVE) for name in USUAL)
        diagnosis = diagnose(Verdict("rejected", "", checks, alpha=0.04), "full")
        assert diagnosis is not None
        said.add(diagnosis.why)
    assert len(said) == len(verdicts) <= len(get_args(Cause))


def test_a_new_class_that_is_not_found_is_trained_longer_and_one_that_takes_old_images_blended() -> None:
    assert found("rejected", refused=("new_classes",), on_new={"num_missed": 1}) == (
        "class_not_found",
        "longer",
    )
    assert found("rejected", refused=("new_classes",), on_new={"num_missed": 0}) == (
        "class_takes_old",
        "half_blend",
    )
    # What is old comes first.
    refused = ("new_classes", "golden")
    assert found("rejected", refused=refused, on_new={"num_missed": 1}) == ("old_lost", "half_blend")


@pytest.mark.parametrize(("allows_full", "cure"), [(True, "deeper"), (False, None)])
def test_a_head_that_learnt_too_little_is_followed_by_all_layers_where_they_may_be_trained(
    allows_full: bool, cure: Cure | None
) -> None:
    checks = tuple(Check(name, name != "new", numbers=LIVE) for name in USUAL)
    diagnosis = diagnose(Verdict("rejected", "", checks, alpha=0.04), "head", allows_full=allows_full)
    assert diagnosis is not None
    assert (diagnosis.cause, diagnosis.cure) == ("new_not_learnt", cure)
    assert ("All layers are trained" in diagnosis.why) == allows_full
