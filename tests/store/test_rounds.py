from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Connection, func, select

from store import leases, registry, rounds
from store.database import Database
from store.errors import (
    ChampionChangedError,
    FencedError,
    IllegalTransitionError,
    RoundInProgressError,
    TooManyTriesError,
    UnknownRoundError,
)
from store.registry import NewVersion
from store.rounds import Round
from store.schema import round_steps, slice_samples, version_samples, versions

RUN = ("preparing", "training", "evaluating")
VERDICT = {"decision": "passed", "sentence": "Better on new, equal on old."}


@pytest.fixture
def champion(database: Database) -> str:
    def work(connection: Connection) -> str:
        first = registry.add_version(connection, NewVersion(("ants", "bees"), {"weights": "a" * 64}), [])
        registry.promote(connection, first.version, reason="first", actor="test")
        return first.version

    return database.write(work)


@pytest.fixture
def fencing(database: Database) -> int:
    number = database.write(lambda c: leases.acquire(c, "learner-a", 60))
    assert number is not None
    return number


def request(database: Database) -> int:
    return database.write(lambda c: rounds.request_round(c, "ada", "500 new samples")).id


def go(database: Database, round_id: int, fencing: int, *states: str) -> None:
    for state in states:
        database.write(lambda c, state=state: rounds.advance(c, round_id, state, fencing=fencing))


def evaluating(database: Database, fencing: int) -> int:
    round_id = request(database)
    go(database, round_id, fencing, *RUN)
    return round_id


def find(database: Database, round_id: int) -> Round:
    with database.read() as connection:
        return rounds.find_round(connection, round_id)


def candidate_of(champion: str, round_id: int) -> NewVersion:
    return NewVersion(("ants", "bees"), {"weights": "b" * 64}, parent=champion, round_id=round_id)


def promote_round(database: Database, champion: str, round_id: int, fencing: int) -> registry.Move:
    return database.write(
        lambda c: rounds.promote_round(
            c,
            round_id,
            candidate_of(champion, round_id),
            [(1, "train", None), (2, "holdout", None)],
            verdict=VERDICT,
            reason="passed",
            fencing=fencing,
        )
    )


def await_approval(database: Database, champion: str, round_id: int, fencing: int) -> None:
    database.write(
        lambda c: rounds.await_approval(
            c,
            round_id,
            candidate_of(champion, round_id),
            [],
            verdict=VERDICT,
            reason="passed",
            fencing=fencing,
        )
    )


def production(database: Database) -> str | None:
    with database.read() as connection:
        found = registry.production(connection)
    return None if found is None else found.version


def count(database: Database, table: Any) -> int:
    with database.read() as connection:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


def hand_over(database: Database) -> int:
    """End the lease in force, as time would, and give it to another learner."""
    database.write(lambda c: leases.acquire(c, "learner-a", 0))
    number = database.write(lambda c: leases.acquire(c, "learner-b", 60))
    assert number is not None
    return number


def test_a_requested_round_waits_for_the_learner(database: Database) -> None:
    made = find(database, request(database))
    assert (made.state, made.requested_by, made.trigger) == ("requested", "ada", "500 new samples")
    assert made.started is None
    with database.read() as connection:
        assert rounds.current_round(connection) == made


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


def test_a_round_can_be_asked_for_when_the_last_one_ended(database: Database, fencing: int) -> None:
    go(database, request(database), fencing, "preparing", "rejected")
    assert request(database) == 2


def test_a_round_records_the_champion_and_each_state_with_its_time(
    database: Database, champion: str, fencing: int
) -> None:
    round_id = evaluating(database, fencing)
    database.write(
        lambda c: rounds.advance(
            c, round_id, "rejected", fencing=fencing, reason="Forgot ants.", verdict={"lost": ["ants"]}
        )
    )
    ended = find(database, round_id)
    assert (ended.production, ended.reason, ended.verdict) == (champion, "Forgot ants.", {"lost": ["ants"]})
    assert ended.started is not None
    assert ended.ended is not None
    assert ended.is_finished
    with database.read() as connection:
        written = rounds.steps(connection, round_id)
    assert [step.step for step in written] == ["requested", *RUN, "rejected"]
    assert written[-1].detail == {"reason": "Forgot ants."}


@pytest.mark.parametrize("state", ["training", "evaluating", "promoted", "awaiting_approval", "rejected"])
def test_a_requested_round_can_only_begin(database: Database, fencing: int, state: str) -> None:
    round_id = request(database)
    with pytest.raises(IllegalTransitionError, match="requested"):
        go(database, round_id, fencing, state)
    assert find(database, round_id).state == "requested"


@pytest.mark.parametrize("state", ["preparing", "training"])
def test_a_round_that_was_not_evaluated_cannot_be_promoted(
    database: Database, champion: str, fencing: int, state: str
) -> None:
    round_id = request(database)
    go(database, round_id, fencing, *RUN[: RUN.index(state) + 1])
    with pytest.raises(IllegalTransitionError):
        promote_round(database, champion, round_id, fencing)
    assert count(database, versions) == 1


@pytest.mark.parametrize("ended", ["rejected", "inconclusive", "failed", "cancelled"])
def test_a_round_that_ended_stays_as_it_is(database: Database, fencing: int, ended: str) -> None:
    round_id = evaluating(database, fencing)
    go(database, round_id, fencing, ended)
    with pytest.raises(IllegalTransitionError, match="ended"):
        go(database, round_id, fencing, "preparing")


def test_a_round_goes_back_to_training_for_its_next_attempt(database: Database, fencing: int) -> None:
    round_id = evaluating(database, fencing)
    go(database, round_id, fencing, "training", "evaluating")
    assert find(database, round_id).num_tries == 1


def test_promoting_a_round_moves_version_alias_slice_and_state_together(
    database: Database, champion: str, fencing: int
) -> None:
    round_id = evaluating(database, fencing)
    taken = [(1, "train", None), (2, "holdout", 5), (3, "validation", None), (4, "replay", None)]
    database.write(lambda c: rounds.take_samples(c, round_id, taken, fencing))
    move = promote_round(database, champion, round_id, fencing)
    ended = find(database, round_id)
    assert (move.from_version, move.to_version, move.actor) == (champion, "v2", "learner")
    assert (ended.state, ended.candidate, ended.verdict) == ("promoted", "v2", VERDICT)
    assert production(database) == "v2"
    with database.read() as connection:
        assert connection.execute(select(slice_samples)).all() == [(f"round-{round_id}", 2)]
    assert count(database, version_samples) == 2


def test_a_persons_promotion_during_a_round_wins_over_the_rounds(
    database: Database, champion: str, fencing: int
) -> None:
    round_id = evaluating(database, fencing)

    def promote_by_hand(connection: Connection) -> None:
        new = NewVersion(("ants", "bees"), {"weights": "c" * 64}, parent=champion)
        version = registry.add_version(connection, new, []).version
        registry.promote(connection, version, reason="my own", actor="ada")

    database.write(promote_by_hand)
    with pytest.raises(ChampionChangedError):
        promote_round(database, champion, round_id, fencing)
    assert production(database) == "v2"
    assert find(database, round_id).state == "evaluating"
    assert count(database, versions) == 2
    assert count(database, slice_samples) == 0


def test_the_second_learner_repeats_what_the_first_one_left(
    database: Database, champion: str, fencing: int
) -> None:
    round_id = evaluating(database, fencing)
    database.write(lambda c: rounds.take_samples(c, round_id, [(1, "train", None)], fencing))
    database.write(lambda c: rounds.add_attempt(c, round_id, 1, "fine_tune", VERDICT, fencing))
    second = hand_over(database)
    begun = database.write(lambda c: rounds.begin(c, round_id, second))
    assert (begun.state, begun.num_tries, begun.fencing) == ("preparing", 2, second)
    with database.read() as connection:
        assert rounds.attempts(connection, round_id) == []
        assert rounds.taken_samples(connection, round_id) == []


WRITES: dict[str, Callable[[Connection, int, int], object]] = {
    "advance": lambda c, round_id, fencing: rounds.advance(c, round_id, "training", fencing=fencing),
    "begin": rounds.begin,
    "add_step": lambda c, round_id, fencing: rounds.add_step(c, round_id, "note", {}, fencing),
    "add_attempt": lambda c, round_id, fencing: rounds.add_attempt(c, round_id, 1, "fine_tune", {}, fencing),
    "take_samples": lambda c, round_id, fencing: rounds.take_samples(
        c, round_id, [(1, "train", None)], fencing
    ),
    "promote_round": lambda c, round_id, fencing: rounds.promote_round(
        c, round_id, candidate_of("v1", round_id), [], verdict={}, reason="passed", fencing=fencing
    ),
    "await_approval": lambda c, round_id, fencing: rounds.await_approval(
        c, round_id, candidate_of("v1", round_id), [], verdict={}, reason="passed", fencing=fencing
    ),
}


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("is_taken_over", [True, False])
def test_a_learner_that_wakes_after_its_lease_writes_nothing(
    database: Database, champion: str, fencing: int, write: str, is_taken_over: bool
) -> None:
    round_id = evaluating(database, fencing)
    if is_taken_over:
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
        assert rounds.attempts(connection, round_id) == []
        assert rounds.taken_samples(connection, round_id) == []


def test_a_round_that_crashed_three_times_fails(database: Database, fencing: int) -> None:
    round_id = request(database)
    for num_tries in (1, 2, 3):
        begun = database.write(lambda c: rounds.begin(c, round_id, fencing))
        assert (begun.state, begun.num_tries) == ("preparing", num_tries)
    failed = database.write(lambda c: rounds.begin(c, round_id, fencing))
    assert failed.state == "failed"
    assert "3 times" in (failed.reason or "")


def test_tries_that_ended_with_their_learner_are_no_crashes_but_have_an_end(database: Database) -> None:
    round_id = request(database)

    def begin_as(connection: Connection, holder: str) -> rounds.Round:
        fencing = leases.acquire(connection, holder, 60)
        assert fencing is not None
        begun = rounds.begin(connection, round_id, fencing)
        leases.release(connection, holder)
        return begun

    for num_tries in range(1, 11):
        begun = database.write(partial(begin_as, holder=f"learner-{num_tries}"))
        assert (begun.state, begun.num_tries) == ("preparing", num_tries)
    failed = database.write(partial(begin_as, holder="learner-11"))
    assert (failed.state, failed.num_tries) == ("failed", 10)
    assert "10 times" in (failed.reason or "")


def test_a_fourth_try_by_hand_is_refused(database: Database, fencing: int) -> None:
    round_id = request(database)
    go(database, round_id, fencing, "preparing", "preparing", "preparing")
    with pytest.raises(TooManyTriesError):
        go(database, round_id, fencing, "preparing")


def test_a_repeated_attempt_takes_the_place_of_the_first(database: Database, fencing: int) -> None:
    round_id = evaluating(database, fencing)
    for decision in ("rejected", "passed"):
        database.write(
            lambda c, decision=decision: rounds.add_attempt(
                c, round_id, 1, "fine_tune", {"decision": decision}, fencing
            )
        )
    with database.read() as connection:
        [attempt] = rounds.attempts(connection, round_id)
    assert attempt.verdict == {"decision": "passed"}


def test_a_requested_round_is_cancelled_at_once(database: Database) -> None:
    round_id = request(database)
    cancelled = database.write(lambda c: rounds.cancel(c, round_id, "ada"))
    assert (cancelled.state, cancelled.reason) == ("cancelled", "Cancelled by ada.")
    assert cancelled.ended is not None


def test_a_running_round_is_asked_to_end_itself(database: Database, fencing: int) -> None:
    round_id = evaluating(database, fencing)
    for _ in range(2):
        asked = database.write(lambda c: rounds.cancel(c, round_id, "ada"))
        assert (asked.state, asked.cancel_requested) == ("evaluating", True)
    with database.read() as connection:
        assert [s.step for s in rounds.steps(connection, round_id)].count("cancel_requested") == 1


def test_a_round_to_be_cancelled_is_not_begun_again(database: Database, fencing: int) -> None:
    round_id = evaluating(database, fencing)
    database.write(lambda c: rounds.cancel(c, round_id, "ada"))
    assert database.write(lambda c: rounds.begin(c, round_id, fencing)).state == "cancelled"


def test_a_round_that_ended_cannot_be_cancelled(database: Database, fencing: int) -> None:
    round_id = evaluating(database, fencing)
    go(database, round_id, fencing, "inconclusive")
    with pytest.raises(IllegalTransitionError):
        database.write(lambda c: rounds.cancel(c, round_id, "ada"))


def test_an_approved_round_is_promoted_in_the_name_of_the_person(
    database: Database, champion: str, fencing: int
) -> None:
    round_id = evaluating(database, fencing)
    database.write(lambda c: rounds.take_samples(c, round_id, [(9, "holdout", None)], fencing))
    await_approval(database, champion, round_id, fencing)
    assert production(database) == champion
    approved = database.write(lambda c: rounds.approve(c, round_id, "ada"))
    assert (approved.state, approved.candidate) == ("promoted", "v2")
    assert production(database) == "v2"
    with database.read() as connection:
        assert registry.moves(connection)[0].actor == "ada"
    assert count(database, slice_samples) == 1


def test_approving_is_refused_when_production_has_changed_since(
    database: Database, champion: str, fencing: int
) -> None:
    round_id = evaluating(database, fencing)
    await_approval(database, champion, round_id, fencing)

    def promote_by_hand(connection: Connection) -> str:
        new = NewVersion(("ants", "bees"), {"weights": "c" * 64}, parent=champion)
        version = registry.add_version(connection, new, []).version
        return registry.promote(connection, version, reason="my own", actor="ada").to_version

    by_hand = database.write(promote_by_hand)
    with pytest.raises(ChampionChangedError):
        database.write(lambda c: rounds.approve(c, round_id, "ada"))
    assert production(database) == by_hand
    assert find(database, round_id).state == "awaiting_approval"


def test_a_round_that_waits_can_be_cancelled(database: Database, champion: str, fencing: int) -> None:
    round_id = evaluating(database, fencing)
    await_approval(database, champion, round_id, fencing)
    assert database.write(lambda c: rounds.cancel(c, round_id, "ada")).state == "cancelled"
    assert production(database) == champion


def test_only_a_round_that_waits_can_be_approved(database: Database, fencing: int) -> None:
    round_id = evaluating(database, fencing)
    with pytest.raises(IllegalTransitionError, match="evaluating"):
        database.write(lambda c: rounds.approve(c, round_id, "ada"))


def test_an_unknown_round_is_refused(database: Database) -> None:
    with database.read() as connection, pytest.raises(UnknownRoundError, match="77"):
        rounds.find_round(connection, 77)


def test_rounds_are_listed_newest_first_in_pages(database: Database) -> None:
    for _ in range(3):
        round_id = request(database)
        database.write(lambda c, round_id=round_id: rounds.cancel(c, round_id, "ada"))
    with database.read() as connection:
        assert [r.id for r in rounds.rounds(connection, limit=2)] == [3, 2]
        assert [r.id for r in rounds.rounds(connection, before=2)] == [1]


def test_the_number_of_a_round_is_never_used_again(database: Database) -> None:
    # Slices are named after rounds, so a number that came back would name another's slice.
    first = request(database)
    database.write(lambda c: rounds.cancel(c, first, "ada"))
    assert request(database) > first
