"""Whether learning is paused, by whom and why, and what the next round waits for."""

from typing import Any

from sqlalchemy import Connection

from store.database.database import now
from store.database.facts import forget_fact, read_fact, write_fact

_PAUSED = "paused"
_OBSTACLE = "next_round_waits_for"


def pause(connection: Connection, reason: str, by: str) -> dict[str, Any]:
    """Stop the scheduler from asking for rounds until `resume`; a person may still ask for one.

    Pausing again keeps the first reason: it is the one that has to be settled.
    """
    pause_in_force = paused(connection)
    if pause_in_force is not None:
        return pause_in_force
    new_pause = {"reason": reason, "by": by, "since": now(connection).isoformat()}
    write_fact(connection, _PAUSED, new_pause)
    return new_pause


def resume(connection: Connection) -> None:
    """Let the scheduler ask for rounds again; no error where nothing was paused."""
    forget_fact(connection, _PAUSED)


def paused(connection: Connection) -> dict[str, Any] | None:
    """Return {"reason", "by", "since" (ISO 8601)}, or None while learning goes on."""
    fact: dict[str, Any] | None = read_fact(connection, _PAUSED)
    return fact


def note_obstacle(connection: Connection, text: str | None) -> None:
    """Write down in a sentence what the next round waits for besides the threshold; None for nothing."""
    if text is None:
        forget_fact(connection, _OBSTACLE)
    else:
        write_fact(connection, _OBSTACLE, text)


def obstacle(connection: Connection) -> str | None:
    """Return the sentence that `note_obstacle` wrote down last."""
    text: str | None = read_fact(connection, _OBSTACLE)
    return text
