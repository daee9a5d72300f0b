"""The check on new samples: direct and weighted."""

import numpy as np
import pytest

from retrain.gate.new_evidence import check_new, new_needed, weighted_draws
from retrain.gate.outcomes import NewEvidence, Outcomes, no_outcomes
from retrain.gate.settings import GateSettings
from retrain.gate.verdict import Check

SETTINGS = GateSettings()
NONE = no_outcomes("none")


def outcomes(both: int = 0, lost: int = 0, won: int = 0, neither: int = 0) -> Outcomes:
    champion = np.repeat([True, True, False, False], [both, lost, won, neither])
    candidate = np.repeat([True, False, True, False], [both, lost, won, neither])
    return Outcomes(champion, candidate, np.arange(len(champion)) % 2, "new")


def check(new: NewEvidence, num_earlier_verdicts: int = 0, settings: GateSettings = SETTINGS) -> Check:
    return check_new(new, num_earlier_verdicts, settings, np.random.default_rng(0))


def test_seventy_five_direct_samples_decide_alone() -> None:
    direct = outcomes(both=30, lost=4, won=26, neither=15)
    result = check(NewEvidence(direct, outcomes(lost=400), live_accuracy=0.1))
    assert result.passed is True
    assert result.numbers["method"] == "direct"
    assert result.numbers["num_samples"] == 75


def test_seventy_four_direct_samples_do_not() -> None:
    result = check(NewEvidence(outcomes(both=30, lost=4, won=26, neither=14), NONE, live_accuracy=None))
    assert result.passed is None
    assert result.numbers["method"] == "none"


def test_alpha_is_shared_by_the_candidates_and_halves_with_each_verdict() -> None:
    # p of 19 won to 7 lost is .0145: below .05/3, above half of it.
    direct = NewEvidence(outcomes(both=60, lost=7, won=19, neither=44), NONE)
    assert check(direct).numbers["p"] == pytest.approx(0.0145, abs=5e-5)
    assert check(direct).numbers["alpha"] == pytest.approx(0.05 / 3)
    assert check(direct).passed is True
    assert check(direct, num_earlier_verdicts=1).numbers["alpha"] == pytest.approx(0.05 / 6)
    assert check(direct, num_earlier_verdicts=1).passed is None
    assert check(direct, settings=GateSettings(max_candidates=1)).passed is True


def test_a_candidate_that_cannot_be_better_by_a_point_fails() -> None:
    equal = NewEvidence(outcomes(both=500, lost=4, won=4, neither=492), NONE)
    upper = check(equal).numbers["upper_bound"]
    assert isinstance(upper, float)
    assert 0 < upper < 0.01
    assert check(equal).passed is False
    assert check(NewEvidence(outcomes(both=60, lost=4, won=4, neither=62), NONE)).passed is None


def test_direct_samples_that_production_never_got_right_decide_nothing() -> None:
    result = check(NewEvidence(outcomes(both=4, won=100, neither=60), NONE))
    assert result.passed is None
    assert new_needed(result, NewEvidence(outcomes(both=4, won=100), NONE), 0, SETTINGS) == {"audits": 1}
    assert check(NewEvidence(outcomes(both=5, won=100, neither=60), NONE)).passed is True


def test_volunteered_samples_are_weighted_by_productions_outcome() -> None:
    # 60 of 120 mistakes mended, 2 of 100 right answers lost, 80 % right live: .2 · .5 − .8 · .02.
    result = check(NewEvidence(NONE, outcomes(both=98, lost=2, won=60, neither=60), live_accuracy=0.8))
    assert result.numbers["method"] == "weighted"
    assert result.numbers["difference"] == pytest.approx(0.2 * 0.5 - 0.8 * 0.02)
    assert result.numbers["estimated_candidate_accuracy"] == pytest.approx(0.8 + 0.084)
    assert result.numbers["champion_accuracy"] == pytest.approx(100 / 220)
    assert result.numbers["candidate_accuracy"] == pytest.approx(158 / 220)
    assert result.passed is True


def test_weighting_counts_direct_samples_beside_the_volunteered() -> None:
    direct = outcomes(both=38, won=10, neither=12)
    result = check(NewEvidence(direct, outcomes(both=60, lost=2, won=50, neither=48), live_accuracy=0.8))
    assert result.numbers["num_confirmations"] == 100
    assert result.numbers["num_corrections"] == 120


def test_fewer_than_thirty_confirmations_decide_nothing() -> None:
    few = NewEvidence(NONE, outcomes(both=29, won=200), live_accuracy=0.8)
    assert check(few).passed is None
    assert new_needed(check(few), few, 0, SETTINGS)["confirmations"] == 1
    assert check(NewEvidence(NONE, outcomes(both=30, won=200), live_accuracy=0.8)).passed is True


@pytest.mark.parametrize("live", [None, float("nan"), 1.2])
def test_without_a_live_accuracy_nothing_is_decided(live: float | None) -> None:
    assert check(NewEvidence(NONE, outcomes(both=100, won=100), live_accuracy=live)).passed is None


def test_no_loss_among_thirty_does_not_mean_never() -> None:
    # Plain resampling would draw 0 lost every time and put the bound at about +.02.
    result = check(NewEvidence(NONE, outcomes(both=30, won=26, neither=174), live_accuracy=0.7))
    lower = result.numbers["lower_bound"]
    assert isinstance(lower, float)
    assert lower < 0
    assert result.passed is None


def test_draws_have_the_clopper_pearson_quantiles() -> None:
    # 5 of 50 mended, production never right: the 5 % quantile is the exact lower bound of 5/50, .0402.
    new = NewEvidence(NONE, NONE, live_accuracy=0.0)
    rng = np.random.default_rng(0)
    settings = GateSettings(num_draws=200_000)
    cautious, hopeful = weighted_draws((5, 50), (0, 50), new, 0.05, settings, rng)
    assert np.quantile(cautious, 0.05) == pytest.approx(0.0402, abs=0.0005)
    assert np.quantile(hopeful, 0.95) == pytest.approx(0.1991, abs=0.001)


def test_few_audits_widen_the_bound() -> None:
    volunteered = outcomes(both=180, lost=20, won=60, neither=140)

    def lower(num_audited: int | None) -> float:
        result = check(NewEvidence(NONE, volunteered, 0.6, num_audited))
        return float(result.numbers["lower_bound"] or 0.0)

    assert lower(30) < lower(300) < lower(None)


def test_the_weighted_test_repeats_with_its_generator() -> None:
    new = NewEvidence(NONE, outcomes(both=50, lost=3, won=30, neither=60), live_accuracy=0.7)
    assert check(new) == check(new)


def test_labels_needed_fill_up_to_what_decides() -> None:
    few = NewEvidence(outcomes(both=10, won=10), NONE)
    needed = new_needed(check(few), few, 0, SETTINGS)
    assert needed["direct"] >= 80
    assert needed["confirmations"] == 20
    assert needed["audits"] == 30
    nothing = NewEvidence(NONE, NONE)
    assert set(new_needed(check(nothing), nothing, 0, SETTINGS)) == {
        "direct",
        "confirmations",
        "corrections",
        "audits",
    }


def test_power_is_zero_where_nothing_can_be_judged() -> None:
    assert check(NewEvidence(NONE, NONE)).numbers["power"] == 0.0
