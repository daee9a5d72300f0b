"""The gate's check on new classes, case by case, and what it asks of known ones beside them."""

from dataclasses import replace
from math import comb

import numpy as np
import pytest

from retrain.gate.gate import judge
from retrain.gate.new_classes import (
    ClassOutcome,
    NewClassEvidence,
    check_new_classes,
    wilson_bounds,
)
from retrain.gate.outcomes import NewEvidence, OldEvidence, Outcomes, no_new_evidence
from retrain.gate.settings import GateSettings
from retrain.gate.verdict import Check, Verdict
from tests.retrain.gate.counted import new_evidence, outcomes

SETTINGS = GateSettings()
MARGIN = 0.05
NAMES = ("ant", "bee", "cow", "dog")


def evidence(
    num_right: int = 15, num_held_out: int = 20, *, num_old: int = 800, num_taken: int = 1
) -> NewClassEvidence:
    return NewClassEvidence((ClassOutcome("wasp", num_held_out, num_right, "ada"),), num_old, num_taken)


def check(given: NewClassEvidence) -> Check:
    return check_new_classes(given, MARGIN, SETTINGS)


def spread(own: Outcomes) -> Outcomes:
    return Outcomes(own.champion_right, own.candidate_right, np.arange(len(own)) % 4, own.slice)


def judged(
    given: NewClassEvidence | None,
    new: NewEvidence,
    old: OldEvidence | None = None,
) -> Verdict:
    held = OldEvidence(spread(outcomes(both=700, lost=8, won=8, neither=84)))
    return judge(
        old or held,
        new,
        alpha=0.03,
        margin=MARGIN,
        calibration=None,
        class_names=NAMES,
        settings=SETTINGS,
        new_classes=given,
    )


# Of 20 of 20 the lower bound is n / (n + z²), and of 0 of 500 the upper one z² / (n + z²), with z = 1.645.
@pytest.mark.parametrize(
    ("num", "num_all", "lower", "upper"), [(0, 500, 0.0, 0.00538), (20, 20, 0.88084, 1.0), (0, 0, 0.0, 1.0)]
)
def test_wilsons_bounds(num: int, num_all: int, lower: float, upper: float) -> None:
    assert wilson_bounds(num, num_all, 0.05) == pytest.approx((lower, upper), abs=1e-5)


def test_the_lower_bound_holds_nineteen_times_in_twenty() -> None:
    # Of 20 images the chance of a bound above the true recall jumps with it, about 5 %, and never past 8 %.
    bounds = np.array([wilson_bounds(num, 20, 0.05)[0] for num in range(21)])
    for recall in (0.3, 0.4, 0.5, 0.6, 0.7):
        chances = np.array([comb(20, k) * recall**k * (1 - recall) ** (20 - k) for k in range(21)])
        assert chances[bounds > recall].sum() < 0.08


@pytest.mark.parametrize(("num_right", "passed"), [(7, True), (6, False)])
def test_of_twelve_held_out_images_seven_must_be_found(num_right: int, passed: bool) -> None:
    assert check(evidence(num_right, 12)).passed is passed


def test_with_eleven_held_out_images_a_person_decides_whatever_was_found() -> None:
    for num_right in (0, 11):
        found = check(evidence(num_right, 11))
        assert (found.passed, found.is_open) == (None, False)
        assert "wasp (11 held out, accepted by ada)" in found.note
        assert found.numbers["num_undecided"] == 1


@pytest.mark.parametrize(
    ("num_taken", "num_old", "passed", "is_open"),
    [
        # From 500 old images on the upper bound is at most 1 %.
        (0, 500, True, False),
        (1, 500, True, False),
        (2, 500, None, True),
        (5, 500, None, True),
        (6, 500, False, False),
        # Below, half the margin.
        (6, 499, True, False),
        (7, 499, None, True),
        (0, 100, None, True),
        (3, 100, False, False),
        # Without an old image nothing shows it.
        (0, 0, None, True),
    ],
)
def test_few_old_images_may_be_taken_for_a_new_class(
    num_taken: int, num_old: int, passed: bool | None, is_open: bool
) -> None:
    found = check(evidence(num_old=num_old, num_taken=num_taken))
    assert (found.passed, found.is_open) == (passed, is_open)


def test_one_class_that_is_not_found_fails_beside_one_that_is() -> None:
    both = replace(
        evidence(), classes=(ClassOutcome("wasp", 20, 20, "ada"), ClassOutcome("moth", 20, 4, "ada"))
    )
    assert check(both).passed is False


def test_a_round_passes_on_its_new_class_without_new_images_of_known_ones() -> None:
    assert judged(None, no_new_evidence()).decision == "inconclusive"
    verdict = judged(evidence(), no_new_evidence())
    assert verdict.decision == "passed"
    assert "wasp: 15 of 20 found" in verdict.sentence
    assert not verdict.is_left_to_a_person


def test_labels_are_not_waited_for_beside_a_new_class() -> None:
    still_open = new_evidence(won=10, lost=2, still_open=12, same=80)
    assert judged(None, still_open).decision == "awaiting_labels"
    assert judged(evidence(), still_open).decision == "passed"


def test_a_candidate_that_is_worse_on_known_classes_is_rejected_beside_a_new_class() -> None:
    verdict = judged(evidence(), new_evidence(won=1, lost=9, same=80))
    assert verdict.decision == "rejected"
    assert "known classes are answered worse" in verdict.sentence
    # Two lost and none won may be chance.
    assert judged(evidence(), new_evidence(lost=2, same=80)).decision == "passed"


def test_old_things_are_kept_as_ever_beside_a_new_class() -> None:
    lost = OldEvidence(spread(outcomes(both=600, lost=100, won=8, neither=92)))
    assert judged(evidence(), no_new_evidence(), lost).decision == "rejected"


def test_a_class_that_is_not_found_is_the_reason_of_a_rejection() -> None:
    verdict = judged(evidence(num_right=4), new_evidence(won=27, lost=9, same=300))
    assert verdict.decision == "rejected"
    assert "new classes were not learnt well enough (wasp: 4 of 20 found" in verdict.sentence


def test_a_verdict_says_that_a_person_decides_on_a_small_class() -> None:
    verdict = judged(evidence(num_right=5, num_held_out=6), no_new_evidence())
    assert verdict.decision == "passed"
    assert verdict.is_left_to_a_person
    assert "left to a person" in verdict.sentence
    assert Verdict.from_json(verdict.to_json()).is_left_to_a_person


def test_too_few_old_images_to_show_that_none_is_taken_leave_it_open() -> None:
    verdict = judged(evidence(num_old=90, num_taken=0), new_evidence(won=27, lost=9, same=300))
    assert verdict.decision == "inconclusive"
    assert "not taken for a new class" in verdict.sentence


def test_it_says_how_many_old_images_it_takes() -> None:
    assert "it takes 106" in check(evidence(num_old=105, num_taken=0)).note
    assert check(evidence(num_old=106, num_taken=0)).passed is True
