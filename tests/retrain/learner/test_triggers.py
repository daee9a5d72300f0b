"""When a round is due."""

from datetime import UTC, datetime, timedelta

import pytest

from retrain.learner.triggers import EndedRound, TriggerSettings, due_reason, obstacle, samples_needed
from store.samples.pending import PendingCounts

NOW = datetime(2025, 6, 1, tzinfo=UTC)
SETTINGS = TriggerSettings()


def pending(num: int, holdout: int = 0, days: float = 1.0) -> PendingCounts:
    """So many samples in all, of which some are judged on."""
    return PendingCounts(num, holdout, NOW - timedelta(days=days) if num else None)


def ended(state: str, num: int = 500, holdout: int = 100, days: float = 0.5) -> EndedRound:
    return EndedRound(state, num, holdout, NOW - timedelta(days=days))


def due(waiting: PendingCounts, *history: EndedRound) -> str | None:
    return due_reason(waiting, history, NOW, SETTINGS)


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


def test_an_inconclusive_round_waits_for_half_as_many_holdout_samples_more() -> None:
    last = ended("inconclusive", holdout=80)
    assert due(pending(600, holdout=119), last) is None
    reason = due(pending(600, holdout=120), last)
    assert reason is not None
    assert "inconclusive" in reason
    # Neither number nor age adds to what the same holdout can show.
    assert due(pending(5000, holdout=119, days=90), last) is None


def test_an_inconclusive_round_without_holdout_waits_for_one() -> None:
    last = ended("inconclusive", holdout=0)
    assert due(pending(600, holdout=0), last) is None
    assert due(pending(600, holdout=1), last) is not None


def test_an_inconclusive_round_of_a_handful_starts_no_chain_of_rounds() -> None:
    last = ended("inconclusive", num=16, holdout=4)
    assert due(pending(20, holdout=6), last) is None
    assert due(pending(100, holdout=6), last) is not None


def test_an_inconclusive_round_between_rejections_is_no_rejection() -> None:
    history = ended("rejected", 700), ended("inconclusive"), ended("rejected", 500)
    assert due(pending(1999), *history) is None
    assert due(pending(2000), *history) is not None


@pytest.mark.parametrize(
    ("waiting", "history", "expected"),
    [
        (pending(600), [], None),
        (pending(600), [ended("promoted"), ended("rejected")], None),
        (pending(600), [ended("rejected", 520)], "begins at 1,020 new samples"),
        (pending(600), [ended("failed", 1000), ended("rejected", 500)], "nothing was won by the last 2"),
        (pending(600, holdout=90), [ended("inconclusive", holdout=80)], "at 120 new samples to judge on"),
        (pending(40, holdout=40), [], "None of the new samples may be learnt"),
    ],
)
def test_what_the_next_round_waits_for_is_said(
    waiting: PendingCounts, history: list[EndedRound], expected: str | None
) -> None:
    said = obstacle(waiting, history, SETTINGS)
    assert said is None if expected is None else expected in str(said)


def test_a_threshold_over_the_longest_back_off_is_kept() -> None:
    settings = TriggerSettings(threshold=3000)
    assert samples_needed([], settings) == 3000
    assert samples_needed([ended("rejected", 3000)], settings) == 6000
