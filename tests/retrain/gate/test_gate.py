"""The gate's verdicts, case by case."""

import json
from collections.abc import Sequence

import numpy as np
import pytest

from retrain.gate.errors import OutcomesError
from retrain.gate.gate import judge
from retrain.gate.old_evidence import golden_needed_for, margin_for
from retrain.gate.outcomes import (
    AGREEMENT,
    CalibrationPair,
    NewEvidence,
    Outcomes,
    no_outcomes,
    outcomes_from_logits,
)
from retrain.gate.settings import GateSettings
from retrain.gate.verdict import Verdict

NAMES = ("ant", "bee", "cow", "dog")
NONE = no_outcomes("none")


def outcomes(
    num: int, right: int, lost: int = 0, won: int = 0, slice: str = "golden-1", labels: Sequence[int] = ()
) -> Outcomes:
    """`right` answered rightly by production, the first `lost` of which the candidate gets wrong."""
    champion = np.arange(num) < right
    candidate = champion.copy()
    candidate[:lost] = False
    candidate[right : right + won] = True
    return Outcomes(champion, candidate, np.array(labels or np.arange(num) % len(NAMES)), slice)


WON = NewEvidence(outcomes(130, 54, lost=8, won=37, slice="direct"), NONE)
HELD = outcomes(2000, 1420, lost=40, won=38)


def judged(
    *old: Outcomes,
    new: NewEvidence = WON,
    calibration: CalibrationPair | None = None,
    num_earlier_verdicts: int = 0,
    margin: float = 0.02,
    settings: GateSettings | None = None,
) -> Verdict:
    verdict = judge(
        old,
        new,
        margin=margin,
        num_earlier_verdicts=num_earlier_verdicts,
        calibration=calibration,
        class_names=NAMES,
        settings=settings or GateSettings(),
        rng=np.random.default_rng(0),
    )
    assert Verdict.from_json(json.loads(json.dumps(verdict.to_json(), allow_nan=False))) == verdict
    return verdict


def passed(verdict: Verdict, name: str) -> bool | None:
    check = verdict.check(name)
    assert check is not None
    return check.passed


@pytest.mark.parametrize(
    ("num", "points"), [(0, 5.0), (100, 5.0), (320, 3.4), (600, 2.5), (930, 2.0), (1500, 2.0), (10**6, 2.0)]
)
def test_the_margin_depends_on_the_number_of_golden_images_alone(num: int, points: float) -> None:
    assert 100 * margin_for(num) == pytest.approx(points, abs=0.05)


def test_golden_needed_is_the_inverse_of_the_margin() -> None:
    num = golden_needed_for(0.03)
    assert margin_for(num) <= 0.03 < margin_for(num - 1)
    assert golden_needed_for(0.02) == golden_needed_for(0.001) == 931


def test_a_better_candidate_that_holds_the_old_passes() -> None:
    verdict = judged(HELD)
    assert verdict.decision == "passed"
    assert all(check.passed for check in verdict.checks)
    assert verdict.sentence == (
        "Passed: new photographs 41.5 → 63.8 % (n=130, p<0.0001), "
        "old 71.0 → 70.9 % (n=2,000, bound −0.8 points, margin 2.0)."
    )
    assert 0 < verdict.power < 1
    assert verdict.labels_needed is None


def test_an_estimate_stands_behind_what_was_counted_and_says_what_it_is_from() -> None:
    chosen = outcomes(220, 100, lost=2, won=60, slice="volunteered")
    by_confidence = judged(HELD, new=NewEvidence(NONE, chosen, live_accuracy=0.8)).sentence
    assert by_confidence.startswith(
        "Passed: new photographs that people chose to label 45.5 → 71.8 % (n=220), all new photographs by "
        "estimate 80.0 → 88.4 % (from 100 confirmations, 120 corrections and production's accuracy, read off "
        "its own confidence; bound +"
    )
    audited = judged(HELD, new=NewEvidence(NONE, chosen, live_accuracy=0.8, num_audited=40)).sentence
    assert "production's accuracy, counted on 40 audits;" in audited


def test_a_significant_loss_of_the_old_is_rejected() -> None:
    verdict = judged(outcomes(2000, 1420, lost=90, won=20))
    assert verdict.decision == "rejected"
    assert passed(verdict, "old") is False
    assert "old accuracy was lost" in verdict.sentence


def test_a_small_golden_set_is_inconclusive_and_names_what_is_needed() -> None:
    verdict = judged(outcomes(200, 140, lost=5, won=4), margin=margin_for(200) - 0.02)
    assert verdict.decision == "inconclusive"
    assert passed(verdict, "old") is None
    assert verdict.labels_needed is not None
    assert set(verdict.labels_needed) == {"golden"}
    assert "more golden images" in verdict.sentence


def test_a_significant_loss_within_the_margin_is_tolerated() -> None:
    # p_worse = .018, yet the bound is −1.1 points: a larger golden set must not forbid what the
    # margin allows.
    verdict = judged(outcomes(2000, 1420, lost=20, won=8))
    assert verdict.decision == "passed"


def test_a_lost_slice_is_named_though_all_together_hold() -> None:
    verdict = judged(
        HELD, outcomes(120, 90, slice="round-2"), outcomes(100, 80, lost=12, won=1, slice="round-3")
    )
    assert verdict.decision == "rejected"
    assert passed(verdict, "old") is True
    assert verdict.lost_slices == ("round-3",)
    assert "slice round-3 significantly worse" in verdict.sentence


def test_slices_share_their_error_after_holm() -> None:
    # 9 lost and 2 won: p = 67/2048 = .033, significant alone but not as one of six.
    slices = [outcomes(100, 80, slice=f"round-{index}") for index in range(4)]
    worse = outcomes(100, 80, lost=9, won=2, slice="round-9")
    assert judged(worse, margin=0.05).lost_slices == ("round-9",)
    assert judged(HELD, *slices, worse).lost_slices == ()


def test_a_lost_class_is_named_though_the_rest_pays_for_it() -> None:
    # 100 of class 1 lost, 60 won elsewhere: .05/4 and five points are exceeded for class 1 alone.
    labels = np.arange(2000) % 4
    champion = np.arange(2000) < 1400
    candidate = champion.copy()
    candidate[np.flatnonzero((labels == 1) & champion)[:60]] = False
    candidate[np.flatnonzero((labels != 1) & ~champion)[:60]] = True
    verdict = judged(Outcomes(champion, candidate, labels, "golden-1"))
    assert passed(verdict, "old") is True
    assert passed(verdict, "flips") is True
    assert verdict.decision == "rejected"
    assert verdict.lost_classes == ("bee",)
    assert "class bee (70.0 → 58.0 %) lost" in verdict.sentence


def test_a_significant_drop_of_a_class_under_five_points_is_no_loss() -> None:
    labels, champion = np.arange(2000) % 4, np.arange(2000) < 1400
    candidate = champion.copy()
    candidate[np.flatnonzero((labels == 1) & champion)[:24]] = False
    verdict = judged(Outcomes(champion, candidate, labels, "golden-1"))
    assert verdict.lost_classes == ()
    assert verdict.decision == "passed"


def test_a_drop_of_a_class_that_is_no_more_than_chance_is_no_loss() -> None:
    # 5 of 40 lost: 12.5 points, p = 1/32 over .05/4.
    verdict = judged(outcomes(160, 120, lost=20, won=0, labels=[*([0, 1, 2, 3] * 40)]), margin=0.05)
    assert verdict.lost_classes == ()


def test_flips_over_five_percent_refuse_though_wins_balance_them() -> None:
    verdict = judged(outcomes(2000, 1420, lost=110, won=120))
    assert passed(verdict, "old") is True
    assert verdict.decision == "rejected"
    assert "5.5 % of old answers turned from right to wrong (limit 5.0 %)" in verdict.sentence
    assert judged(outcomes(2000, 1420, lost=100, won=120)).decision == "passed"


def test_flips_are_reported_always() -> None:
    check = judged(HELD).check("flips")
    assert check is not None
    assert check.numbers["negative_flips"] == pytest.approx(0.02)


@pytest.mark.parametrize(
    ("rise", "num", "decision"), [(0.031, 1000, "rejected"), (0.031, 999, "passed"), (0.029, 5000, "passed")]
)
def test_calibration_refuses_three_points_from_a_thousand_samples(
    rise: float, num: int, decision: str
) -> None:
    verdict = judged(HELD, calibration=CalibrationPair(0.04, 0.04 + rise, num))
    assert verdict.decision == decision
    check = verdict.check("calibration")
    assert check is not None
    assert check.numbers["rise"] == pytest.approx(rise)


def test_nan_is_rejected_wherever_it_stands() -> None:
    assert judged(HELD, calibration=CalibrationPair(0.04, float("nan"), 2000)).decision == "rejected"
    logits = np.zeros((130, 4))
    broken = logits.copy()
    broken[7, 2] = np.nan
    direct = outcomes_from_logits(logits, broken, np.zeros(130, np.int64), "direct")
    assert direct.num_not_finite == 1
    assert not direct.candidate_right[7]
    verdict = judged(HELD, new=NewEvidence(direct, NONE))
    assert verdict.decision == "rejected"
    assert "NaN" in verdict.sentence


def test_too_few_new_labels_are_inconclusive_and_the_sentence_says_what_to_label() -> None:
    verdict = judged(HELD, new=NewEvidence(outcomes(40, 20, won=8, slice="direct"), NONE))
    assert verdict.decision == "inconclusive"
    assert verdict.labels_needed is not None
    assert verdict.labels_needed["direct"] >= 60
    assert verdict.labels_needed["confirmations"] == 10
    assert "more audited or directly labelled photographs, or 10 more confirmations" in verdict.sentence
    assert verdict.power == 0.0


def test_an_equal_candidate_on_many_new_samples_is_rejected() -> None:
    new = NewEvidence(outcomes(2000, 1000, lost=20, won=20, slice="direct"), NONE)
    verdict = judged(HELD, new=new)
    assert verdict.decision == "rejected"
    assert "nothing worth a change" in verdict.sentence


def test_each_earlier_verdict_makes_the_new_harder() -> None:
    new = NewEvidence(outcomes(130, 60, lost=7, won=19, slice="direct"), NONE)
    assert judged(HELD, new=new).decision == "passed"
    assert judged(HELD, new=new, num_earlier_verdicts=1).decision == "inconclusive"


def test_agreement_stands_for_old_from_three_hundred_predictions() -> None:
    many = judged(outcomes(400, 400, lost=2, slice=AGREEMENT), margin=margin_for(400))
    assert many.decision == "passed"
    assert "agreement with production 99.5 %" in many.sentence
    few = judged(outcomes(299, 299, slice=AGREEMENT), margin=0.05)
    assert few.decision == "inconclusive"
    assert few.labels_needed == {"agreement": 1}
    disagreeing = judged(outcomes(200, 200, lost=60, slice=AGREEMENT), margin=0.05)
    assert disagreeing.decision == "inconclusive"


def test_no_old_samples_at_all_are_inconclusive() -> None:
    verdict = judged()
    assert verdict.decision == "inconclusive"
    assert "no old samples" in verdict.sentence


def test_outcomes_of_different_samples_are_refused() -> None:
    with pytest.raises(OutcomesError, match=r"golden-1.*2, 3 and 3"):
        Outcomes(np.zeros(2, bool), np.zeros(3, bool), np.zeros(3, np.int64), "golden-1")


def test_an_answer_with_nan_is_wrong_even_where_it_points_at_the_label() -> None:
    champion, candidate = np.eye(4), np.eye(4)
    champion[0, 0] = np.nan
    candidate[1, 1] = np.inf
    measured = outcomes_from_logits(champion, candidate, np.arange(4), "direct")
    assert measured.champion_right.tolist() == [False, True, True, True]
    assert measured.candidate_right.tolist() == [True, False, True, True]
    assert measured.num_not_finite == 1


def test_outcomes_of_no_logits_are_none() -> None:
    empty = np.zeros((0, 4))
    assert len(outcomes_from_logits(empty, empty, np.zeros(0, np.int64), "direct")) == 0
