"""Paired trials: rounds that wait for labels where champion and candidate differ."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from store.database.database import now
from store.database.schema import pool_images, questions
from store.database.schema import trials as trials_table
from store.evidence.questions import withdraw

_DIFFERS = (
    pool_images.c.is_judging.is_(True),
    pool_images.c.champion_label.is_distinct_from(pool_images.c.candidate_label),
)


@dataclass(frozen=True, slots=True)
class Trial:
    """A round that waits, or waited, for labels.

    Attributes:
        round_id: The round.
        num_asked: Images whose labels were asked for.
        num_answered: Those of them that were answered, until the trial ended or until now.
        begun: When it began.
        ends: When it ends without a verdict.
        ended: When it ended, with a verdict or without; None while it goes on.
    """

    round_id: int
    num_asked: int
    num_answered: int
    begun: datetime
    ends: datetime
    ended: datetime | None


def begin_trial(connection: Connection, round_id: int, num_asked: int, ends: datetime) -> None:
    """Write down that a round waits for labels; its questions are asked by `questions.ask`.

    Args:
        connection: Of a write.
        round_id: The round, whose pool is stored.
        num_asked: Images whose labels are asked for.
        ends: When it ends without a verdict.
    """
    connection.execute(delete(trials_table).where(trials_table.c.round_id == round_id))
    row = {"round_id": round_id, "num_asked": num_asked, "begun": now(connection), "ends": ends}
    connection.execute(insert(trials_table), row)


def current_trial(connection: Connection) -> Trial | None:
    """Return the trial that goes on; there is never more than one, as there is one round."""
    query = select(trials_table).where(trials_table.c.ended.is_(None)).limit(1)
    row = connection.execute(query).one_or_none()
    return None if row is None else _trial(connection, row)


def end_trial(connection: Connection, round_id: int) -> None:
    """End a round's trial, and withdraw its questions; without an open one, do nothing."""
    is_open = (trials_table.c.round_id == round_id, trials_table.c.ended.is_(None))
    row = connection.execute(select(trials_table).where(*is_open)).one_or_none()
    if row is None:
        return
    values = {"num_answered": _trial(connection, row).num_answered, "ended": now(connection)}
    connection.execute(update(trials_table).where(*is_open).values(**values))
    pool = select(pool_images.c.sha256).where(pool_images.c.round_id == round_id, *_DIFFERS)
    withdraw(connection, list(connection.execute(pool).scalars()))


def last_trials(connection: Connection, limit: int) -> list[Trial]:
    """Return the trials that ended, the last one first, with what was asked and what was answered."""
    query = select(trials_table).where(trials_table.c.ended.is_not(None))
    rows = connection.execute(query.order_by(trials_table.c.ended.desc()).limit(limit))
    return [_trial(connection, row) for row in rows]


def _trial(connection: Connection, row: Row[tuple[object, ...]]) -> Trial:
    fields = dict(row._mapping)
    if fields["ended"] is None:
        num_open = _num_unanswered(connection, fields["round_id"])
        fields["num_answered"] = max(0, fields["num_asked"] - num_open)
    return Trial(**fields)


def _num_unanswered(connection: Connection, round_id: int) -> int:
    query = (
        select(func.count())
        .select_from(pool_images.join(questions, questions.c.sha256 == pool_images.c.sha256))
        .where(pool_images.c.round_id == round_id, *_DIFFERS, questions.c.answered.is_(None))
    )
    return int(connection.execute(query).scalar_one())
