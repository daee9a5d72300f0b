"""Rounds are requested, go from state to state, and are listed."""

from functools import partial

import pytest

from store.database.database import Database
from store.errors import (
    IllegalTransitionError,
    RoundInProgressError,
    UnknownRoundError,
)
from store.rounds import rounds
from store.rounds.log import read_steps
from store.rounds.progress import advance
from store.rounds.records import current_round, find_round, read_rounds
from tests.store.round_work import RUN, await_approval, evaluating, find, go, request


def test_a_requested_round_waits_for_the_learner(database: Database) -> None:
    new = find(database, request(database))
    assert (new.state, new.requested_by, new.trigger) == ("requested", "ada", "500 new samples")
    assert new.started is None
    with database.read() as connection:
        assert current_round(connection) == new


@pytest.mark.parametrize("num_steps", [0, 1, 2, 3])
def test_a_second_round_is_refused_while_one_is_unfinished(
    database: Database, fencing: int, num_steps: int
) -> None:
    go(database, request(database), fencing, *RUN[:num_steps])
    with pytest.raises(RoundInProgressError, match="round 1"):
        request(database)


def test_a_second_round_is_refused_while_one_waits_for_a_person(
    database: Database, champion: str, fencing: int
) -> None:
    await_approval(database, champion, evaluating(database, fencing), fencing)
    with pytest.raises(RoundInProgressError, match="Approve or cancel"):
        request(database)


def test_a_round_can_be_requested_when_the_last_one_ended(database: Database, fencing: int) -> None:
    go(database, request(database), fencing, "preparing", "rejected")
    assert request(database) == 2


def test_a_round_records_the_champion_and_each_state_with_its_time(
    database: Database, champion: str, fencing: int
) -> None:
    round_id = evaluating(database, fencing)
    database.write(
        lambda c: advance(
            c, round_id, "rejected", fencing=fencing, reason="Forgot ants.", verdict={"lost": ["ants"]}
        )
    )
    ended = find(database, round_id)
    assert (ended.production, ended.reason, ended.verdict) == (champion, "Forgot ants.", {"lost": ["ants"]})
    assert ended.started is not None
    assert ended.ended is not None
    assert ended.is_finished
    with database.read() as connection:
        written = read_steps(connection, round_id)
    assert [step.step for step in written] == ["requested", *RUN, "rejected"]
    assert written[-1].detail == {"reason": "Forgot ants."}


@pytest.mark.parametrize("state", ["training", "evaluating", "promoted", "awaiting_approval", "rejected"])
def test_a_requested_round_can_only_begin(database: Database, fencing: int, state: str) -> None:
    round_id = request(database)
    with pytest.raises(IllegalTransitionError, match="requested"):
        go(database, round_id, fencing, state)
    assert find(database, round_id).state == "requested"


@pytest.mark.parametrize("ended", ["rejected", "inconclusive", "failed", "cancelled"])
def test_a_round_that_ended_stays_as_it_is(database: Database, fencing: int, ended: str) -> None:
    round_id = evaluating(database, fencing)
    go(database, round_id, fencing, ended)
    with pytest.raises(IllegalTransitionError, match="ended"):
        go(database, round_id, fencing, "preparing")


def test_a_running_round_gets_the_request_to_end_itself(database: Database, fencing: int) -> None:
    round_id = evaluating(database, fencing)
    for _ in range(2):
        cancelled = database.write(lambda c: rounds.cancel(c, round_id, "ada"))
        assert (cancelled.state, cancelled.cancel_requested) == ("evaluating", True)
    with database.read() as connection:
        assert [s.step for s in read_steps(connection, round_id)].count("cancel_requested") == 1


def test_an_unknown_round_is_refused(database: Database) -> None:
    with database.read() as connection, pytest.raises(UnknownRoundError, match="77"):
        find_round(connection, 77)


def test_rounds_are_listed_newest_first_in_pages(database: Database) -> None:
    for _ in range(3):
        round_id = request(database)
        database.write(partial(rounds.cancel, round_id=round_id, by="ada"))
    with database.read() as connection:
        assert [r.id for r in read_rounds(connection, limit=2)] == [3, 2]
        assert [r.id for r in read_rounds(connection, before=2)] == [1]


def test_the_number_of_a_round_is_never_used_again(database: Database) -> None:
    # Slices are named after rounds, so a number that came back would name another round's slice.
    first = request(database)
    database.write(lambda c: rounds.cancel(c, first, "ada"))
    assert request(database) > first
