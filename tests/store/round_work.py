"""Steps that tests of rounds share, each in one call."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from sqlalchemy import func, select

from store import leases, registry
from store.database.database import Database
from store.evidence.pools import PoolImage, store_pool
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


def judged(champion: str, round_id: int, fencing: int, *, learnt: Sequence[int] = ()) -> rounds.JudgedRound:
    return rounds.JudgedRound(
        round_id=round_id,
        new=candidate_of(champion, round_id),
        seen=[(sample_id, "train", None) for sample_id in learnt],
        verdict=VERDICT,
        reason="passed",
        fencing=fencing,
    )


def judge_on(database: Database, round_id: int, sha256s: Sequence[str]) -> None:
    """Store images as the pool of a round, on which production is wrong and the candidate right."""
    pool = [PoolImage(sha256, cluster, True, "ada", "ants", "bees") for cluster, sha256 in enumerate(sha256s)]
    database.write(lambda c: store_pool(c, round_id, pool))


def promote_round(
    database: Database, champion: str, round_id: int, fencing: int, *, learnt: Sequence[int] = ()
) -> registry.Move:
    return database.write(
        lambda c: rounds.promote_round(c, judged(champion, round_id, fencing, learnt=learnt))
    )


def await_approval(database: Database, champion: str, round_id: int, fencing: int) -> None:
    database.write(lambda c: rounds.await_approval(c, judged(champion, round_id, fencing)))


def count(database: Database, table: Any) -> int:
    with database.read() as connection:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


def hand_over(database: Database) -> int:
    """End the lease in force, as if it had run out, and give it to another learner."""
    database.write(lambda c: leases.acquire(c, "learner-a", 0))
    number = database.write(lambda c: leases.acquire(c, "learner-b", 60))
    assert number is not None
    return number
