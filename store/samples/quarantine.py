"""Which sources are quarantined: their labels are kept, and do not count."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from store.database.database import now
from store.database.facts import read_fact, write_fact
from store.samples.label_rules import GivenLabel

_FACT = "quarantined_sources"


@dataclass(frozen=True, slots=True)
class Quarantine:
    """Since when a source is quarantined, who decided it, and why."""

    since: datetime
    by: str
    reason: str


def quarantined_sources(connection: Connection) -> dict[str, Quarantine]:
    """Return source → its quarantine, of those that are quarantined."""
    return {
        source: Quarantine(datetime.fromisoformat(row["since"]), row["by"], row["reason"])
        for source, row in _rows(connection).items()
    }


def names_quarantined(connection: Connection) -> Collection[str]:
    """Return the names of the quarantined sources; each label that comes asks for them."""
    return _rows(connection).keys()


def note_quarantine(connection: Connection, source: str, by: str, reason: str) -> None:
    """Write down that a source is quarantined from now on."""
    row = {"since": now(connection).isoformat(), "by": by, "reason": reason}
    write_fact(connection, _FACT, {**_rows(connection), source: row})


def note_release(connection: Connection, source: str) -> None:
    """Write down that a source is no longer quarantined."""
    write_fact(connection, _FACT, {name: row for name, row in _rows(connection).items() if name != source})


def as_counted(given: GivenLabel, quarantined: Collection[str]) -> GivenLabel:
    """Return a label, withheld where its source is quarantined.

    A settlement always counts: it is a person's word on what others said, not feedback.
    """
    is_withheld = given.source in quarantined and not given.is_settlement
    return replace(given, is_withheld=True) if is_withheld else given


def _rows(connection: Connection) -> dict[str, dict[str, Any]]:
    return read_fact(connection, _FACT) or {}
