"""How many rounds ended how, and when the last one did, or the present one wrote last."""

from datetime import datetime

from sqlalchemy import Connection, func, select

from store.database.schema import round_steps, rounds
from store.round_states import FINISHED


def num_rounds_by_outcome(connection: Connection) -> dict[str, int]:
    """Return outcome → how many rounds ended so; outcomes that none had are missing."""
    query = select(rounds.c.state, func.count().label("num")).group_by(rounds.c.state)
    return {row.state: row.num for row in connection.execute(query) if row.state in FINISHED}


def last_round_ended(connection: Connection) -> datetime | None:
    """Return when the last round ended, or None before the first."""
    ended: datetime | None = connection.scalar(select(func.max(rounds.c.ended)))
    return ended


def num_rejected_in_a_row(connection: Connection) -> int:
    """Return how many rounds were rejected since the last one that was promoted."""
    last_promoted = select(func.coalesce(func.max(rounds.c.id), 0)).where(rounds.c.state == "promoted")
    query = select(func.count()).where(
        rounds.c.state == "rejected", rounds.c.id > last_promoted.scalar_subquery()
    )
    return int(connection.execute(query).scalar_one())


def last_step(connection: Connection, round_id: int) -> datetime | None:
    """Return when a round wrote its last step, or was asked for if it wrote none."""
    written = select(func.max(round_steps.c.created)).where(round_steps.c.round_id == round_id)
    moment: datetime | None = connection.scalar(written)
    if moment is None:
        moment = connection.scalar(select(rounds.c.created).where(rounds.c.id == round_id))
    return moment
