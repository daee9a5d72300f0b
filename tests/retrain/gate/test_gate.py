"""The gate's verdicts, case by case."""

import json

import numpy as np
import pytest

from retrain.gate.errors import OutcomesError
from retrain.gate.gate import judge, judge_again
from retrain.gate.outcomes import (
    AGREEMENT,
    NO_ANSWER,
    UNLABELLED,
    CalibrationPair,
    NewEvidence,
    OldEvidence,
    Outcomes,
    no_outcomes,
    pool,
)
from retrain.gate.settings import GateSettings
from retrain.gate.verdict import Verdict
from tests.retrain.gate.counted import new_evidence, outcomes, together

NAMES = ("ant", "bee", "cow", "dog")
SETTINGS = GateSettings()
NO_GOLDEN = no_outcomes("golden")


def spread(own: Outcomes) -> Outcomes:
    """Return the same outcomes, of all classes by turns."""
    return Outcomes(own.champion_right, own.candidate_right, np.arange(len(own)) % 4, own.slice)


WON = new_evidence(won=27, lost=9, same=300)
HELD = OldEvidence(spread(outcomes(both=1380, lost=40, won=38, neither=542)))


def judged(
    old: OldEvidence = HELD,
    new: NewEvidence = WON,
    *,
    alpha: float = 0.04,
    calibration: CalibrationPair | None = None,
) -> Verdict:
    verdict = judge(
        old,
        new,
        alpha=alpha,
        margin=0.02,
        calibration=calibration,
        class_names=NAMES,
        settings=SETTINGS,
    )
    assert Verdict.from_json(json.loads(json.dumps(verdict.to_json(), allow_nan=False))) == verdict
    return verdict


def passed(verdict: Verdict, name: str) -> bool | None:
    check = verdict.check(name)
    assert check is not None
    return check.passed


def test_a_better_candidate_that_holds_the_old_passes() -> None:
    verdict = judged()
    assert verdict.decision == "passed"
    assert verdict.sentence == (
        "Passed: where the two differ on new images the candidate was right 27 times and production 9 "
        "(p=0.0020); golden images 71.0 → 70.9 % (n=2,000, at worst −0.8 points, margin 2.0)."
    )
    assert verdict.labels_needed is None


def test_every_rule_says_what_was_found_and_what_would_be_enough() -> None:
    for check in judged(calibration=CalibrationPair(0.04, 0.05, 10)).checks:
        assert check.rule
        assert check.figure
        assert check.bound
        # Where nothing was decided the note says why.
        assert (check.passed is None) == bool(check.note)


def test_what_is_not_asked_keeps_nobody_from_passing() -> None:
    verdict = judged()
    assert {check.name for check in verdict.checks if check.passed is None} == {"sources", "anchor", "slices"}
    assert verdict.decision == "passed"


def test_one_broken_rule_rejects() -> None:
    verdict = judged(OldEvidence(spread(outcomes(both=1310, lost=90, won=20, neither=580))))
    assert verdict.decision == "rejected"
    assert verdict.sentence.startswith("Rejected: old accuracy was lost; new images: differ on 36 of 336")


def test_missing_labels_that_would_decide_are_awaited() -> None:
    verdict = judged(new=new_evidence(won=14, lost=1, still_open=20, same=300))
    assert verdict.decision == "awaiting_labels"
    # 24 of 35 are significant at 4 % (p = .020); 23 are not (.045).
    assert verdict.labels_needed == {"wins": 10, "open": 20}
    assert verdict.sentence.startswith(
        "Waits for labels: 10 more answers for the candidate would prove it better, of 20 open questions; "
    )


def test_labels_that_cannot_decide_are_not_awaited() -> None:
    verdict = judged(new=new_evidence(won=2, still_open=2, same=50))
    assert verdict.decision == "inconclusive"
    assert "the new images are too few to tell" in verdict.sentence


def test_labels_are_not_awaited_where_the_old_images_are_too_few() -> None:
    few = OldEvidence(spread(outcomes(both=135, lost=5, won=4, neither=56)))
    verdict = judged(few, new_evidence(won=14, lost=1, still_open=20, same=300))
    assert verdict.decision == "inconclusive"
    assert verdict.labels_needed is not None
    assert verdict.labels_needed["golden"] == pytest.approx(1449, abs=3)
    assert "the old images are too few to show that nothing was lost" in verdict.sentence


def test_an_answer_decides_as_soon_as_it_is_enough() -> None:
    waiting = judged(new=new_evidence(won=14, lost=1, still_open=20, same=300))
    still = judge_again(waiting, new_evidence(won=23, lost=1, still_open=11, same=300), SETTINGS)
    assert still.decision == "awaiting_labels"
    assert still.labels_needed == {"wins": 1, "open": 11}
    assert judge_again(still, new_evidence(won=24, lost=1, still_open=10, same=300), SETTINGS).decision == (
        "passed"
    )


def test_answers_against_the_candidate_end_the_wait() -> None:
    waiting = judged(new=new_evidence(won=14, lost=1, still_open=20, same=300))
    lost = judge_again(waiting, new_evidence(won=14, lost=12, still_open=9, same=300), SETTINGS)
    assert lost.decision == "inconclusive"


def test_a_verdict_that_is_judged_again_keeps_its_level_and_what_is_old() -> None:
    waiting = judged(new=new_evidence(won=7, still_open=4, same=300), alpha=0.01)
    again = judge_again(waiting, new_evidence(won=9, lost=1, still_open=1, same=300), SETTINGS)
    # 9 of 11 are significant at 4 % (p = .033), not at 1 %; 10 of 11 are.
    assert again.decision == "awaiting_labels"
    assert again.alpha == 0.01
    assert again.check("golden") == waiting.check("golden")
    assert len(again.checks) == len(waiting.checks)


def test_others_are_asked_where_one_source_would_decide_alone() -> None:
    alone = together(
        new_evidence(won=2, lost=1, same=100),
        new_evidence(won=3, lost=1, source="ben"),
        new_evidence(won=30, source="mallory"),
    )
    assert judged(new=alone).decision == "inconclusive"
    assert "without the labels of mallory it is not proven" in judged(new=alone).sentence
    # With 9 open, 12 of 16 would do without mallory (p = .038): 7 more.
    asked = judged(new=together(alone, new_evidence(still_open=9)))
    assert asked.decision == "awaiting_labels"
    assert asked.labels_needed == {"wins": 7, "open": 9}
    assert (
        "7 more answers of others for the candidate would confirm it, of 9 open questions" in (asked.sentence)
        or "others must confirm it with 7 more answers for the candidate, of 9 open questions"
        in asked.sentence
    )


def test_a_lost_class_is_named_though_the_rest_pays_for_it() -> None:
    rest = [outcomes(both=330, won=20, neither=150, label=label) for label in (0, 2, 3)]
    own = outcomes(both=290, lost=60, neither=150, label=1)
    golden = pool([*rest, own], "golden")
    verdict = judged(OldEvidence(golden))
    assert passed(verdict, "golden") is True
    assert verdict.decision == "rejected"
    assert verdict.lost_classes == ("bee",)
    assert "class bee (70.0 → 58.0 %) lost" in verdict.sentence


def test_a_class_that_was_forgotten_where_it_was_learnt_is_named() -> None:
    verdict = judged(OldEvidence(HELD.golden, learnt={2: outcomes(both=2, lost=28, label=2)}))
    assert verdict.lost_classes == ("cow",)
    assert verdict.decision == "rejected"


def test_a_lost_slice_is_named() -> None:
    slices = (outcomes(both=68, lost=12, won=1, neither=19, slice="round-3"),)
    verdict = judged(OldEvidence(HELD.golden, slices))
    assert verdict.decision == "rejected"
    assert verdict.lost_slices == ("round-3",)
    assert "slice round-3 significantly worse" in verdict.sentence


def test_losses_that_add_up_since_the_anchor_are_said() -> None:
    proven = OldEvidence(HELD.golden, anchor=outcomes(both=1800, lost=120, won=60, neither=20))
    assert "the losses since the anchor add up" in judged(proven).sentence
    unproven = OldEvidence(HELD.golden, anchor=outcomes(both=540, lost=36, won=24))
    assert judged(unproven).decision == "inconclusive"
    assert "the losses since the anchor may add up" in judged(unproven).sentence


def test_flips_over_five_per_cent_refuse_though_wins_balance_them() -> None:
    verdict = judged(OldEvidence(spread(outcomes(both=1310, lost=110, won=120, neither=460))))
    assert passed(verdict, "golden") is True
    assert verdict.decision == "rejected"
    assert "5.5 % of old answers turned from right to wrong (limit 5.0 %)" in verdict.sentence


@pytest.mark.parametrize(
    ("rise", "num", "decision", "is_asked"),
    [(0.031, 1000, "rejected", True), (0.031, 999, "passed", False), (0.029, 5000, "passed", True)],
)
def test_calibration_refuses_three_points_from_a_thousand_images(
    rise: float, num: int, decision: str, is_asked: bool
) -> None:
    verdict = judged(calibration=CalibrationPair(0.04, 0.04 + rise, num))
    assert verdict.decision == decision
    assert (passed(verdict, "calibration") is not None) is is_asked


def test_nan_is_rejected_wherever_it_stands() -> None:
    assert judged(calibration=CalibrationPair(0.04, float("nan"), 2000)).decision == "rejected"
    golden = Outcomes(
        HELD.golden.champion_right, HELD.golden.candidate_right, HELD.golden.labels, "golden", 1
    )
    assert judged(OldEvidence(golden)).decision == "rejected"
    learnt = Outcomes(np.ones(1, bool), np.ones(1, bool), np.zeros(1, np.int64), "learnt", 1)
    assert judged(OldEvidence(HELD.golden, learnt={0: learnt})).decision == "rejected"
    broken = NewEvidence(np.array([0]), np.array([NO_ANSWER]), np.array([UNLABELLED]), (None,))
    verdict = judged(new=together(WON, broken))
    assert verdict.decision == "rejected"
    assert "NaN" in verdict.sentence


def test_an_equal_candidate_on_many_new_images_is_rejected() -> None:
    verdict = judged(new=new_evidence(won=20, lost=20, same=1960))
    assert verdict.decision == "rejected"
    assert "nothing worth a change was won on new images" in verdict.sentence


def test_agreement_stands_for_golden_images() -> None:
    agreed = outcomes(both=398, lost=2, slice=AGREEMENT)
    verdict = judged(OldEvidence(NO_GOLDEN, agreement=agreed))
    assert verdict.decision == "passed"
    assert "agreement with production 100.0 → 99.5 %" in verdict.sentence
    few = judged(OldEvidence(NO_GOLDEN, agreement=outcomes(both=299, slice=AGREEMENT)))
    assert few.decision == "inconclusive"
    assert few.labels_needed == {"agreement": 1}


def test_no_old_images_at_all_are_inconclusive() -> None:
    verdict = judged(OldEvidence(NO_GOLDEN))
    assert verdict.decision == "inconclusive"
    assert "no old images" in verdict.sentence


def test_no_new_images_are_inconclusive() -> None:
    verdict = judged(new=new_evidence())
    assert verdict.decision == "inconclusive"
    assert "no fair new images were seen" in verdict.sentence


def test_outcomes_of_different_samples_are_refused() -> None:
    with pytest.raises(OutcomesError, match=r"golden.*2, 3 and 3"):
        Outcomes(np.zeros(2, bool), np.zeros(3, bool), np.zeros(3, np.int64), "golden")
