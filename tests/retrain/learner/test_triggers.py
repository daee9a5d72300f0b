"""When a round is due."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from retrain.learner.triggers import (
    EndedRound,
    Forecast,
    TriggerSettings,
    WaitingTrial,
    due_reason,
    obstacle,
    samples_needed,
)
from store.samples.pending import PendingCounts

NOW = datetime(2025, 6, 1, tzinfo=UTC)
SETTINGS = TriggerSettings()
ENOUGH = Forecast(num_images=500)


def pending(num: int, holdout: int = 0, days: float = 1.0) -> PendingCounts:
    """So many samples in all, of which some are judged on."""
    return PendingCounts(num, holdout, NOW - timedelta(days=days) if num else None)


def ended(state: str, num: int = 500, days: float = 0.5) -> EndedRound:
    return EndedRound(state, num, NOW - timedelta(days=days))


def due(
    waiting: PendingCounts,
    *history: EndedRound,
    forecast: Forecast = ENOUGH,
    trial: WaitingTrial | None = None,
) -> str | None:
    return due_reason(waiting, history, forecast, trial, NOW, SETTINGS)


def test_five_hundred_samples_are_enough_and_one_less_is_not() -> None:
    assert due(pending(499)) is None
    reason = due(pending(500))
    assert reason is not None
    assert "500" in reason


@pytest.mark.parametrize(("num", "days", "expected"), [(100, 28, True), (99, 400, False), (100, 27.9, False)])
def test_a_hundred_samples_are_due_after_28_days(num: int, days: float, expected: bool) -> None:
    assert (due(pending(num, days=days)) is not None) is expected


def test_nothing_is_due_with_nothing_pending() -> None:
    assert due(pending(0)) is None


def test_samples_to_judge_on_count_and_are_not_enough_alone() -> None:
    assert due(pending(500, holdout=400)) is not None
    assert due(pending(500, holdout=500)) is None
    assert due(pending(500, holdout=500, days=60)) is None


def test_rejections_in_a_row_back_off_from_500_over_1000_to_2000() -> None:
    first, second, third = ended("rejected", 500), ended("rejected", 1000), ended("rejected", 2000)
    assert [samples_needed(h, SETTINGS) for h in ([], [first], [second, first], [third, second, first])] == [
        500,
        1000,
        2000,
        4000,
    ]
    assert due(pending(999), first) is None
    assert due(pending(1000), first) is not None
    assert due(pending(1999), second, first) is None
    assert due(pending(2000), second, first) is not None


def test_a_rejected_round_is_never_due_again_with_the_same_samples() -> None:
    history: list[EndedRound] = []
    for num in (500, 1000, 2000, 4000, 6000, 8000):
        assert due(pending(num), *history) is not None
        history.insert(0, ended("rejected", num))
        assert due(pending(num), *history) is None
        assert due(pending(num, days=60), *history) is None


@pytest.mark.parametrize("state", ["failed", "cancelled"])
def test_failed_and_cancelled_rounds_back_off_too(state: str) -> None:
    assert due(pending(999), ended(state)) is None
    assert due(pending(1000), ended(state)) is not None


def test_a_promotion_ends_the_back_off() -> None:
    assert due(pending(500), ended("promoted"), ended("rejected"), ended("rejected")) is not None


def test_waiting_begins_again_with_the_end_of_a_failed_round() -> None:
    assert due(pending(150, days=60), ended("rejected", 120, days=10)) is None
    assert due(pending(150, days=60), ended("rejected", 120, days=28)) is not None


def test_an_inconclusive_round_waits_for_a_threshold_more_than_it_took() -> None:
    assert due(pending(1099), ended("inconclusive", 600)) is None
    assert due(pending(1100), ended("inconclusive", 600)) is not None


def test_inconclusive_rounds_dont_double_what_is_needed() -> None:
    history = ended("inconclusive", 1600), ended("inconclusive", 1100), ended("inconclusive", 600)
    assert samples_needed(history, SETTINGS) == 2100


def test_an_inconclusive_round_between_rejections_is_no_rejection() -> None:
    history = ended("rejected", 700), ended("inconclusive"), ended("rejected", 500)
    assert due(pending(1999), *history) is None
    assert due(pending(2000), *history) is not None


def test_no_round_is_due_where_nothing_could_be_proven() -> None:
    # With 87 images a candidate that is 10 points better passes half the time.
    assert due(pending(5000, days=60), forecast=Forecast(num_images=40)) is None
    assert due(pending(500), forecast=Forecast(num_images=90)) is not None


def test_a_waiting_round_is_replaced_by_one_with_a_threshold_more_samples() -> None:
    assert due(pending(1099), trial=WaitingTrial(600, may_be_replaced=True)) is None
    assert due(pending(1100), trial=WaitingTrial(600, may_be_replaced=True)) is not None
    assert due(pending(5000), trial=WaitingTrial(600, may_be_replaced=False)) is None


def test_after_a_roll_back_only_samples_that_came_since_count() -> None:
    assert due(pending(900), forecast=Forecast(500, num_since_roll_back=499)) is None
    assert due(pending(900), forecast=Forecast(500, num_since_roll_back=500)) is not None


def test_two_trials_that_nobody_answered_stop_rounds_until_somebody_does() -> None:
    assert due(pending(900), forecast=Forecast(500, num_ignored_trials=1)) is not None
    assert due(pending(900), forecast=Forecast(500, num_ignored_trials=2)) is None


@pytest.mark.parametrize(
    ("forecast", "expected"),
    [
        (Forecast(9), "there are under 10, and it takes about 90"),
        # In tens, since a count that rises with an image would tell that it is held out.
        (Forecast(29), "there are some 20, and it takes about 90"),
        (Forecast(10, num_unfair=80), "trust the key"),
        (Forecast(500, num_ignored_trials=2), "when open questions are answered"),
        (Forecast(500, num_since_roll_back=3), "of which there are 3"),
    ],
)
def test_what_evidence_is_missing_is_said(forecast: Forecast, expected: str) -> None:
    assert expected in str(obstacle(pending(600), [], forecast, SETTINGS))


@pytest.mark.parametrize(
    ("waiting", "history", "expected"),
    [
        (pending(600), [], None),
        (pending(600), [ended("promoted"), ended("rejected")], None),
        (pending(600), [ended("rejected", 520)], "begins at 1,020 new samples"),
        (pending(600), [ended("failed", 1000), ended("rejected", 500)], "nothing was won by the last 2"),
        (pending(600), [ended("inconclusive", 550)], "begins at 1,050 new samples"),
        (pending(40, holdout=40), [], "None of the new samples may be learnt"),
    ],
)
def test_what_the_next_round_waits_for_is_said(
    waiting: PendingCounts, history: list[EndedRound], expected: str | None
) -> None:
    said = obstacle(waiting, history, ENOUGH, SETTINGS)
    assert said is None if expected is None else expected in str(said)


def test_a_threshold_over_the_longest_back_off_is_kept() -> None:
    settings = TriggerSettings(threshold=3000)
    assert samples_needed([], settings) == 3000
    assert samples_needed([ended("rejected", 3000)], settings) == 6000


AFTER_ALARM = replace(ENOUGH, alarm_raised=NOW - timedelta(hours=1))
WITH_ALARMS = TriggerSettings(alarm_samples=120)


def due_after_alarm(num: int, *history: EndedRound, settings: TriggerSettings = WITH_ALARMS) -> str | None:
    return due_reason(pending(num), history, AFTER_ALARM, None, NOW, settings)


def test_an_alarm_makes_a_round_due_with_fewer_samples_where_that_is_set() -> None:
    assert due_after_alarm(119) is None
    assert due_after_alarm(120) == "120 new samples, 120 are enough after an alarm"
    assert due_after_alarm(120, settings=SETTINGS) is None
    assert due_reason(pending(120), [], ENOUGH, None, NOW, WITH_ALARMS) is None


def test_an_alarm_makes_a_round_due_once() -> None:
    before, after = ended("rejected", 120, days=1.0), ended("rejected", 120, days=0.01)
    assert due_after_alarm(120, before) is not None
    assert due_after_alarm(120, after) is None


def test_an_alarm_makes_no_round_due_that_could_prove_nothing() -> None:
    few = replace(AFTER_ALARM, num_images=10)
    assert due_reason(pending(120), [], few, None, NOW, WITH_ALARMS) is None
    assert due_reason(pending(120, holdout=120), [], AFTER_ALARM, None, NOW, WITH_ALARMS) is None


def test_an_accepted_class_needs_no_new_images_of_known_classes() -> None:
    assert due(pending(500), forecast=Forecast(num_images=0)) is None
    assert due(pending(500), forecast=Forecast(num_images=0, has_new_class=True)) is not None
