"""The checks on old images: three bounds, slices and flips."""

import numpy as np
import pytest

from retrain.gate.old_evidence import (
    check_bounds,
    check_flips,
    check_slices,
    golden_needed_for,
    margin_for,
    old_needed,
)
from retrain.gate.outcomes import AGREEMENT, OldEvidence, Outcomes, no_outcomes
from retrain.gate.paired_difference import lower_bound
from retrain.gate.settings import GateSettings
from retrain.gate.verdict import Check
from tests.retrain.gate.counted import outcomes

SETTINGS = GateSettings()
HELD = outcomes(both=1380, lost=20, won=20, neither=80)
WORSE = outcomes(both=1340, lost=60, won=20, neither=80)


def bounds(old: OldEvidence, margin: float = 0.02) -> dict[str, Check]:
    return {check.name: check for check in check_bounds(old, margin, SETTINGS)}


@pytest.mark.parametrize(
    ("num", "points"), [(0, 5.0), (100, 5.0), (320, 3.4), (600, 2.5), (930, 2.0), (1500, 2.0), (10**6, 2.0)]
)
def test_the_margin_depends_on_the_number_of_golden_images_alone(num: int, points: float) -> None:
    assert 100 * margin_for(num) == pytest.approx(points, abs=0.05)


def test_golden_needed_is_the_inverse_of_the_margin() -> None:
    num = golden_needed_for(0.03)
    assert margin_for(num) <= 0.03 < margin_for(num - 1)
    assert golden_needed_for(0.02) == golden_needed_for(0.001) == 931


def test_a_bound_within_the_margin_passes() -> None:
    golden = bounds(OldEvidence(HELD))["golden"]
    assert golden.passed is True
    assert golden.numbers["lower_bound"] == lower_bound(20, 20, 1500, 0.05)
    assert golden.bound == "95 % sure of −2.0 points or better"


def test_a_significant_loss_beyond_the_margin_fails() -> None:
    assert bounds(OldEvidence(WORSE))["golden"].passed is False


def test_a_significant_loss_within_the_margin_is_tolerated() -> None:
    # 20 lost and 8 won of 2,000: p = .018, yet at worst −1.1 points.
    assert bounds(OldEvidence(outcomes(both=1980, lost=20, won=8)))["golden"].passed is True


def test_too_few_images_leave_it_open_and_say_how_many_would_do() -> None:
    checks = bounds(OldEvidence(outcomes(both=135, lost=5, won=4, neither=56)))
    assert checks["golden"].is_open
    needed = old_needed(list(checks.values()), SETTINGS)
    # (1.645 + .842)² · .06 / (.02 − .005)², less the 200 there are.
    assert needed == {"golden": pytest.approx(1449, abs=3)}


def test_no_number_of_images_helps_where_the_loss_seen_is_the_margin() -> None:
    checks = bounds(OldEvidence(outcomes(both=190, lost=7, won=3)))
    assert checks["golden"].is_open
    assert old_needed(list(checks.values()), SETTINGS) == {}


def test_slices_and_golden_together_are_bounded_beside_golden_alone() -> None:
    slices = (outcomes(both=400, lost=60, won=10, slice="round-2"),)
    checks = bounds(OldEvidence(HELD, slices))
    assert checks["golden"].passed is True
    assert checks["old"].passed is False
    assert checks["old"].numbers["num_samples"] == 1500 + 470
    assert "old" not in bounds(OldEvidence(HELD))


def test_the_anchor_sees_the_sum_of_small_losses() -> None:
    # Against production −.3 points; against the anchor −1.6, which is worse than −2 at 5 % and also at 10 %.
    checks = bounds(OldEvidence(HELD, anchor=outcomes(both=1400, lost=60, won=36, neither=4)))
    assert checks["golden"].passed is True
    assert checks["anchor"].passed is False


def test_the_bound_against_the_anchor_is_one_of_90_per_cent() -> None:
    drifted = outcomes(both=1400, lost=56, won=40, neither=4)
    assert lower_bound(40, 56, 1500, 0.05) < -0.02 < lower_bound(40, 56, 1500, 0.1)
    checks = bounds(OldEvidence(HELD, anchor=drifted))
    assert checks["anchor"].passed is True
    assert checks["anchor"].bound == "90 % sure of −2.0 points or better"


def test_a_loss_against_the_anchor_that_is_not_proven_at_five_per_cent_stays_open() -> None:
    # 36 of 60: p = .078, under the 15 % of the bound.
    anchor = outcomes(both=540, lost=36, won=24)
    assert bounds(OldEvidence(HELD, anchor=anchor))["anchor"].is_open


def test_the_anchor_is_not_asked_where_production_is_the_anchor() -> None:
    anchor = bounds(OldEvidence(HELD))["anchor"]
    assert (anchor.passed, anchor.is_open) == (None, False)
    assert anchor.note == "not asked, because production is the anchor"


def test_agreement_stands_for_old_from_three_hundred_images() -> None:
    def agreement(num: int) -> dict[str, Check]:
        logged = outcomes(both=num - 2, lost=2, slice=AGREEMENT)
        return bounds(OldEvidence(no_outcomes("golden"), agreement=logged), 0.05)

    assert agreement(300)["agreement"].passed is True
    few = agreement(299)
    assert few["agreement"].is_open
    assert old_needed(list(few.values()), SETTINGS) == {"agreement": 1}
    assert "golden" not in few
    assert "anchor" not in few


def test_no_old_images_leave_golden_open() -> None:
    assert bounds(OldEvidence(no_outcomes("golden")))["golden"].is_open


def test_a_lost_slice_is_named_though_all_together_hold() -> None:
    slices = (
        outcomes(both=90, neither=30, slice="round-2"),
        outcomes(both=68, lost=12, won=1, neither=19, slice="round-3"),
    )
    check, lost = check_slices(OldEvidence(HELD, slices), 0.02, SETTINGS)
    assert check.passed is False
    assert lost == ("round-3",)
    assert check.figure == "1 of 3 lost"


def test_slices_share_their_error_after_holm() -> None:
    # 9 lost and 2 won: p = 67 / 2048 = .033, significant alone and not as one of two.
    worse = outcomes(both=80, lost=9, won=2, slice="round-9")
    alone = OldEvidence(no_outcomes("golden"), (worse,))
    assert check_slices(alone, 0.05, SETTINGS)[1] == ("round-9",)
    other = outcomes(both=80, slice="round-8")
    assert check_slices(OldEvidence(no_outcomes("golden"), (worse, other)), 0.05, SETTINGS)[1] == ()


def test_a_slice_whose_loss_is_proven_to_be_small_is_kept() -> None:
    small = outcomes(both=1980, lost=20, won=4, slice="round-2")
    assert check_slices(OldEvidence(no_outcomes("golden"), (small,)), 0.02, SETTINGS)[1] == ()
    assert check_slices(OldEvidence(no_outcomes("golden"), (small,)), 0.005, SETTINGS)[1] == ("round-2",)


def test_slices_are_not_asked_before_the_first_promotion() -> None:
    check, lost = check_slices(OldEvidence(WORSE), 0.02, SETTINGS)
    assert (check.passed, check.is_open, lost) == (None, False, ())


@pytest.mark.parametrize(("lost", "is_few"), [(100, True), (101, False)])
def test_more_than_five_per_cent_of_flips_fail_though_wins_balance_them(lost: int, is_few: bool) -> None:
    check = check_flips(outcomes(both=1800 - lost, lost=lost, won=200), SETTINGS)
    assert check.passed is is_few
    assert check.numbers["negative_flips"] == lost / 2000


def test_flips_are_not_asked_without_old_images() -> None:
    check = check_flips(no_outcomes("golden"), SETTINGS)
    assert (check.passed, check.is_open) == (None, False)


def test_all_old_is_golden_with_slices_and_agreement() -> None:
    old = OldEvidence(HELD, (outcomes(both=3, slice="round-2"),), agreement=outcomes(lost=2, slice=AGREEMENT))
    assert len(old.all_old) == 1505
    assert old.all_old.slice == AGREEMENT
    broken = Outcomes(np.ones(1, bool), np.ones(1, bool), np.zeros(1, np.int64), "round-2", num_not_finite=1)
    assert OldEvidence(HELD, (broken, broken)).all_old.num_not_finite == 2
    empty: Outcomes = OldEvidence(no_outcomes("golden")).all_old
    assert len(empty) == 0
    assert np.array_equal(empty.lost, np.zeros(0, bool))
