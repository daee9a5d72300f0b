"""What a person said of labels that production does not know: accepted, merged or rejected."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from sqlalchemy import Connection, delete, insert, select

from store.database.database import now
from store.database.schema import new_classes

#: Who accepts where nobody is asked.
BY_RULE: Final = "the rule for new classes"

Word = Literal["accepted", "merged", "rejected"]


@dataclass(frozen=True, slots=True)
class Decision:
    """A person's word on a label that production does not know.

    Attributes:
        name: The label.
        word: accepted: a round is to learn it. merged: it means another class. rejected: never learn it.
        merged_into: The class that it means; None unless merged.
        decided_by: Who said so, or `BY_RULE`.
        decided: When.
    """

    name: str
    word: Word
    merged_into: str | None
    decided_by: str
    decided: datetime


def read_decisions(connection: Connection) -> dict[str, Decision]:
    """Return label → what was said of it last."""
    rows = connection.execute(select(new_classes).order_by(new_classes.c.name))
    return {row.name: Decision(*tuple(row)) for row in rows}


def note_decision(
    connection: Connection, name: str, word: Word, by: str, merged_into: str | None = None
) -> Decision:
    """Write down what a person says of a label, in place of what was said before."""
    decision = Decision(name, word, merged_into, by, now(connection))
    connection.execute(delete(new_classes).where(new_classes.c.name == name))
    connection.execute(
        insert(new_classes).values(
            name=name, word=word, merged_into=merged_into, decided_by=by, decided=decision.decided
        )
    )
    return decision


def accepted_names(connection: Connection) -> list[str]:
    """Return the labels that were accepted as classes, whether production knows them by now or not."""
    query = select(new_classes.c.name).where(new_classes.c.word == "accepted")
    return list(connection.execute(query.order_by(new_classes.c.name)).scalars())
