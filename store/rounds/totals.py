"""How many rounds ended how, and when the last one did."""

from datetime import datetime

from sqlalchemy import Connection, func, select

from store.database.schema import rounds
from store.round_states import FINISHED


def num_rounds_by_outcome(connection: Connection) -> dict[str, int]:
    """Return outcome → how many rounds ended so; outcomes that none had are missing."""
    query = select(rounds.c.state, func.count().label("num")).group_by(rounds.c.state)
    return {row.state: row.num for row in connection.execute(query) if row.state in FINISHED}


def last_round_ended(connection: Connection) -> datetime | None:
    """Return when the last round ended, or None before the first."""
    ended: datetime | None = connection.scalar(select(func.max(rounds.c.ended)))
    return ended
