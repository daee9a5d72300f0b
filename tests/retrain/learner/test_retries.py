"""When a round that did not finish is tried again."""

from retrain.learner.retries import Retries
from retrain.learner.round_process import CRASHED, REPEATED, STARVED


class Clock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def _waits(retries: Retries, clock: Clock, seconds: float) -> bool:
    """Whether the next try of round 1 begins after so many seconds, and not before."""
    clock.seconds += seconds - 0.1
    waited = not retries.may_begin(1)
    clock.seconds += 0.1
    return waited and retries.may_begin(1)


def test_after_a_crash_the_next_try_waits_and_after_two_four_times_as_long() -> None:
    clock = Clock()
    retries = Retries("idle", 30.0, clock)
    assert retries.may_begin(1)
    for wait in (30.0, 120.0):
        assert retries.note(1, CRASHED) == wait
        assert _waits(retries, clock, wait)
    # By a signal, as where memory was short. It was the last try, and fails at once.
    assert retries.note(1, -9) == 0.0
    assert retries.may_begin(1)


def test_a_round_that_starved_begins_anew_at_once_with_a_higher_priority() -> None:
    retries = Retries("idle", 30.0, Clock())
    for expected in ("low", "normal", "normal"):
        assert retries.note(1, STARVED) == 0.0
        assert (retries.may_begin(1), retries.priority(1)) == (True, expected)


def test_a_round_whose_sample_was_deleted_begins_anew_at_once() -> None:
    retries = Retries("idle", 30.0, Clock())
    assert retries.note(1, REPEATED) == 0.0
    assert (retries.may_begin(1), retries.priority(1)) == (True, "idle")


def test_the_next_round_begins_as_if_nothing_had_been() -> None:
    retries = Retries("idle", 30.0, Clock())
    retries.note(1, STARVED)
    retries.note(1, CRASHED)
    assert not retries.may_begin(1)
    assert (retries.may_begin(2), retries.priority(2)) == (True, "idle")
