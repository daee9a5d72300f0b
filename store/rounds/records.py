"""Reads the rows of rounds."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, select

from store.database.schema import rounds as rounds_table
from store.errors import UnknownRoundError
from store.round_states import FINISHED, UNFINISHED


@dataclass(frozen=True, slots=True)
class Round:
    """One retraining; `production` is the champion it is judged against."""

    id: int
    state: str
    requested_by: str
    trigger: str
    reason: str | None
    production: str | None
    candidate: str | None
    num_tries: int
    fencing: int | None
    verdict: dict[str, Any] | None
    curves: Any | None
    cancel_requested: bool
    created: datetime
    started: datetime | None
    ended: datetime | None

    @property
    def is_finished(self) -> bool:
        """Whether nothing can change it any more."""
        return self.state in FINISHED


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a round stands or ended, without its verdict and curves, which may be large."""

    id: int
    state: str
    reason: str | None
    created: datetime
    ended: datetime | None


def current_round(connection: Connection) -> Round | None:
    """Return the round that is not finished, or None; there is never more than one."""
    query = select(rounds_table).where(rounds_table.c.state.in_(sorted(UNFINISHED)))
    row = connection.execute(query.order_by(rounds_table.c.id).limit(1)).one_or_none()
    return None if row is None else _round(row._mapping)


def find_round(connection: Connection, round_id: int) -> Round:
    """Return the round of that number.

    Raises:
        UnknownRoundError: There is none.
    """
    row = connection.execute(select(rounds_table).where(rounds_table.c.id == round_id)).one_or_none()
    if row is None:
        raise UnknownRoundError(f"There is no round {round_id}. List the rounds to see which there are.")
    return _round(row._mapping)


def read_rounds(connection: Connection, limit: int = 50, before: int | None = None) -> list[Round]:
    """Return rounds, newest first, those older than round `before` where it is given."""
    query = select(rounds_table).order_by(rounds_table.c.id.desc()).limit(limit)
    if before is not None:
        query = query.where(rounds_table.c.id < before)
    return [_round(row._mapping) for row in connection.execute(query)]


def read_outcomes(connection: Connection, limit: int) -> list[Outcome]:
    """Return how the last rounds stand or ended, newest first."""
    columns = [rounds_table.c[name] for name in Outcome.__dataclass_fields__]
    query = select(*columns).order_by(rounds_table.c.id.desc()).limit(limit)
    return [Outcome(**row._mapping) for row in connection.execute(query)]


def _round(row: RowMapping) -> Round:
    return Round(**{column.name: row[column.name] for column in rounds_table.columns})
