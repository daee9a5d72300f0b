"""The log of a round: its steps, its attempts, and the samples that it uses."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, delete, func, insert, select

from store import leases
from store.database.database import now
from store.database.schema import round_attempts, round_samples, round_steps, rounds

#: The step of a try that ended without a crash and is to be repeated.
REPEAT_STEP: Final = "begins_anew"
#: The step that says what a round found of the sources of its labels.
SOURCES_STEP: Final = "sources"

#: The role of held-out samples of new classes: they judge each round that learns the class, until one does.
CLASS_HOLDOUT = "class_holdout"


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a round; entering a state is a step named after it."""

    step: str
    detail: dict[str, Any]
    fencing: int | None
    created: datetime


@dataclass(frozen=True, slots=True)
class Attempt:
    """One candidate that a round showed the gate."""

    attempt: int
    cure: str
    verdict: dict[str, Any]
    created: datetime


def add_step(
    connection: Connection, round_id: int, step: str, detail: Mapping[str, Any], fencing: int | None
) -> None:
    """Write down a step; `fencing` is None only where a person acts.

    Raises:
        FencedError: The lease is no longer that of `fencing`.
    """
    if fencing is not None:
        leases.check(connection, fencing)
    connection.execute(
        insert(round_steps).values(
            round_id=round_id, step=step, detail=dict(detail), fencing=fencing, created=now(connection)
        )
    )


def read_steps(connection: Connection, round_id: int) -> list[Step]:
    """Return the steps of a round, oldest first."""
    query = select(round_steps).where(round_steps.c.round_id == round_id).order_by(round_steps.c.id)
    return [Step(row.step, row.detail, row.fencing, row.created) for row in connection.execute(query)]


def last_steps_named(connection: Connection, name: str, num_rounds: int) -> list[tuple[int, Step]]:
    """Return (round id, step) of the steps of one name in the last rounds, newest first."""
    newest = select(rounds.c.id).order_by(rounds.c.id.desc()).limit(num_rounds)
    query = (
        select(round_steps)
        .where(round_steps.c.round_id.in_(newest), round_steps.c.step == name)
        .order_by(round_steps.c.id.desc())
    )
    return [
        (row.round_id, Step(row.step, row.detail, row.fencing, row.created))
        for row in connection.execute(query)
    ]


def add_attempt(
    connection: Connection,
    round_id: int,
    attempt: int,
    cure: str,
    verdict: Mapping[str, Any],
    fencing: int,
) -> None:
    """Store the verdict on one candidate; it replaces one of the same number.

    Raises:
        FencedError: The lease is no longer that of `fencing`.
    """
    leases.check(connection, fencing)
    connection.execute(
        delete(round_attempts).where(
            round_attempts.c.round_id == round_id, round_attempts.c.attempt == attempt
        )
    )
    connection.execute(
        insert(round_attempts).values(
            round_id=round_id, attempt=attempt, cure=cure, verdict=dict(verdict), created=now(connection)
        )
    )


def read_attempts(connection: Connection, round_id: int) -> list[Attempt]:
    """Return the attempts of a round's present try, in their order."""
    query = (
        select(round_attempts).where(round_attempts.c.round_id == round_id).order_by(round_attempts.c.attempt)
    )
    return [Attempt(row.attempt, row.cure, row.verdict, row.created) for row in connection.execute(query)]


def record_samples(
    connection: Connection, round_id: int, recorded: Iterable[tuple[int, str, int | None]], fencing: int
) -> None:
    """Record the samples (id, role, label revision) of a round; they replace those of an earlier try.

    Raises:
        FencedError: The lease is no longer that of `fencing`.
    """
    leases.check(connection, fencing)
    connection.execute(delete(round_samples).where(round_samples.c.round_id == round_id))
    rows = [
        {"round_id": round_id, "sample_id": sample_id, "role": role, "label_revision": revision}
        for sample_id, role, revision in recorded
    ]
    if rows:
        connection.execute(insert(round_samples), rows)


def recorded_samples(connection: Connection, round_id: int) -> list[tuple[int, str, int | None]]:
    """Return (sample id, role, label revision) of each sample that the round uses, by id."""
    query = (
        select(round_samples.c.sample_id, round_samples.c.role, round_samples.c.label_revision)
        .where(round_samples.c.round_id == round_id)
        .order_by(round_samples.c.sample_id)
    )
    return [(row.sample_id, row.role, row.label_revision) for row in connection.execute(query)]


def num_recorded(connection: Connection, round_ids: Sequence[int]) -> dict[int, dict[str, int]]:
    """Return round → role → how many samples the round uses."""
    query = (
        select(round_samples.c.round_id, round_samples.c.role, func.count().label("num"))
        .where(round_samples.c.round_id.in_(round_ids))
        .group_by(round_samples.c.round_id, round_samples.c.role)
    )
    counts: dict[int, dict[str, int]] = {round_id: {} for round_id in round_ids}
    for row in connection.execute(query):
        counts[row.round_id][row.role] = row.num
    return counts


def forget_try(connection: Connection, round_id: int) -> None:
    """Drop the attempts and samples that an earlier, killed try left; its steps stay as history."""
    for table in (round_attempts, round_samples):
        connection.execute(delete(table).where(table.c.round_id == round_id))
