"""A round is repeated, or ended, if its process or learner ended before it."""

from collections.abc import Callable
from functools import partial

import pytest
from sqlalchemy import Connection

from store import leases
from store.database.database import Database, now
from store.database.schema import round_steps, versions
from store.errors import (
    FencedError,
    TooManyTriesError,
)
from store.rounds import progress, rounds
from store.rounds.log import (
    REPEAT_STEP,
    add_attempt,
    add_step,
    read_attempts,
    record_samples,
    recorded_samples,
)
from store.rounds.progress import advance
from store.rounds.records import Round
from store.rounds.training_progress import TrainingProgress, report, training_progress
from tests.store.round_work import (
    VERDICT,
    count,
    evaluating,
    find,
    go,
    hand_over,
    judged,
    request,
)


def test_the_second_learner_repeats_what_the_first_one_left(
    database: Database, champion: str, fencing: int
) -> None:
    round_id = evaluating(database, fencing)
    database.write(lambda c: record_samples(c, round_id, [(1, "train", None)], fencing))
    database.write(lambda c: add_attempt(c, round_id, 1, "fine_tune", VERDICT, fencing))
    second = hand_over(database)
    begun = database.write(lambda c: progress.begin(c, round_id, second))
    assert (begun.state, begun.num_tries, begun.fencing) == ("preparing", 2, second)
    with database.read() as connection:
        assert read_attempts(connection, round_id) == []
        assert recorded_samples(connection, round_id) == []


WRITES: dict[str, Callable[[Connection, int, int], object]] = {
    "advance": lambda c, round_id, fencing: advance(c, round_id, "training", fencing=fencing),
    "begin": progress.begin,
    "add_step": lambda c, round_id, fencing: add_step(c, round_id, "note", {}, fencing),
    "add_attempt": lambda c, round_id, fencing: add_attempt(c, round_id, 1, "fine_tune", {}, fencing),
    "report": lambda c, round_id, fencing: report(c, TrainingProgress(round_id, 1, 3, 1, 9, 1.0), fencing),
    "record_samples": lambda c, round_id, fencing: record_samples(c, round_id, [(1, "train", None)], fencing),
    "promote_round": lambda c, round_id, fencing: rounds.promote_round(c, judged("v1", round_id, fencing)),
    "await_approval": lambda c, round_id, fencing: rounds.await_approval(c, judged("v1", round_id, fencing)),
    "await_labels": lambda c, round_id, fencing: rounds.await_labels(
        c, judged("v1", round_id, fencing), [], now(c)
    ),
    "close_judged": lambda c, round_id, fencing: rounds.close_judged(
        c, round_id, "rejected", reason="lost", fencing=fencing
    ),
}


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("is_replaced", [True, False])
def test_a_learner_that_wakes_after_its_lease_writes_nothing(
    database: Database, champion: str, fencing: int, write: str, is_replaced: bool
) -> None:
    round_id = evaluating(database, fencing)
    if is_replaced:
        hand_over(database)
    else:
        database.write(lambda c: leases.acquire(c, "learner-a", 0))
    before = find(database, round_id)
    num_steps = count(database, round_steps)
    with pytest.raises(FencedError):
        database.write(lambda c: WRITES[write](c, round_id, fencing))
    assert find(database, round_id) == before
    assert count(database, round_steps) == num_steps
    assert count(database, versions) == 1
    with database.read() as connection:
        assert read_attempts(connection, round_id) == []
        assert recorded_samples(connection, round_id) == []


def test_a_round_that_crashed_three_times_fails(database: Database, fencing: int) -> None:
    round_id = request(database)
    for num_tries in (1, 2, 3):
        begun = database.write(lambda c: progress.begin(c, round_id, fencing))
        assert (begun.state, begun.num_tries) == ("preparing", num_tries)
    failed = database.write(lambda c: progress.begin(c, round_id, fencing))
    assert failed.state == "failed"
    assert "3 times" in (failed.reason or "")


def test_how_far_a_training_is_is_known_of_the_round_that_reported_last(
    database: Database, champion: str, fencing: int
) -> None:
    round_id = evaluating(database, fencing)
    first, second = (TrainingProgress(round_id, 2, 3, num, 90, 12.5) for num in (40, 41))
    for progressed in (first, second):
        database.write(partial(report, progress=progressed, fencing=fencing))
    with database.read() as connection:
        assert training_progress(connection, round_id) == second
        assert training_progress(connection, round_id + 1) is None


def test_tries_that_ended_with_their_learner_are_no_crashes_but_have_an_end(database: Database) -> None:
    round_id = request(database)

    def begin_as(connection: Connection, holder: str) -> Round:
        fencing = leases.acquire(connection, holder, 60)
        assert fencing is not None
        begun = progress.begin(connection, round_id, fencing)
        leases.release(connection, holder)
        return begun

    for num_tries in range(1, 11):
        begun = database.write(partial(begin_as, holder=f"learner-{num_tries}"))
        assert (begun.state, begun.num_tries) == ("preparing", num_tries)
    failed = database.write(partial(begin_as, holder="learner-11"))
    assert (failed.state, failed.num_tries) == ("failed", 10)
    assert "10 times" in (failed.reason or "")


def test_a_round_that_begins_anew_for_no_fault_of_its_own_has_not_crashed(
    database: Database, fencing: int
) -> None:
    round_id = request(database)
    for num_tries in range(1, 11):
        begun = database.write(lambda c: progress.begin(c, round_id, fencing))
        assert (begun.state, begun.num_tries) == ("preparing", num_tries)
        database.write(lambda c: add_step(c, round_id, REPEAT_STEP, {"reason": "it starved"}, fencing))
    failed = database.write(lambda c: progress.begin(c, round_id, fencing))
    assert (failed.state, failed.num_tries) == ("failed", 10)


def test_a_fourth_try_by_hand_is_refused(database: Database, fencing: int) -> None:
    round_id = request(database)
    go(database, round_id, fencing, "preparing", "preparing", "preparing")
    with pytest.raises(TooManyTriesError):
        go(database, round_id, fencing, "preparing")


def test_a_repeated_attempt_takes_the_place_of_the_first(database: Database, fencing: int) -> None:
    round_id = evaluating(database, fencing)
    for decision in ("rejected", "passed"):
        database.write(
            partial(
                add_attempt,
                round_id=round_id,
                attempt=1,
                cure="fine_tune",
                verdict={"decision": decision},
                fencing=fencing,
            )
        )
    with database.read() as connection:
        [attempt] = read_attempts(connection, round_id)
    assert attempt.verdict == {"decision": "passed"}


def test_a_round_to_be_cancelled_is_not_begun_again(database: Database, fencing: int) -> None:
    round_id = evaluating(database, fencing)
    database.write(lambda c: rounds.cancel(c, round_id, "ada"))
    assert database.write(lambda c: progress.begin(c, round_id, fencing)).state == "cancelled"
