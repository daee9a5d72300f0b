"""Steps that tests of rounds share, each in one call."""

from functools import partial
from typing import Any

from sqlalchemy import func, select

from store import leases, registry
from store.database.database import Database
from store.rounds import rounds
from store.rounds.progress import advance
from store.rounds.records import Round, find_round
from store.versions import NewVersion

RUN = ("preparing", "training", "evaluating")
VERDICT = {"decision": "passed", "sentence": "Better on new, equal on old."}


def request(database: Database) -> int:
    return database.write(lambda c: rounds.request_round(c, "ada", "500 new samples")).id


def go(database: Database, round_id: int, fencing: int, *states: str) -> None:
    for state in states:
        database.write(partial(advance, round_id=round_id, state=state, fencing=fencing))


def evaluating(database: Database, fencing: int) -> int:
    round_id = request(database)
    go(database, round_id, fencing, *RUN)
    return round_id


def find(database: Database, round_id: int) -> Round:
    with database.read() as connection:
        return find_round(connection, round_id)


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


def count(database: Database, table: Any) -> int:
    with database.read() as connection:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


def hand_over(database: Database) -> int:
    """End the lease in force, as if it had run out, and give it to another learner."""
    database.write(lambda c: leases.acquire(c, "learner-a", 0))
    number = database.write(lambda c: leases.acquire(c, "learner-b", 60))
    assert number is not None
    return number
