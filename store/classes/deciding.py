"""Accepts, merges and rejects labels that production does not know."""

from collections.abc import Collection

from sqlalchemy import Connection, select

from store.classes.decisions import BY_RULE, Decision, note_decision, read_decisions
from store.classes.unknown_labels import samples_called, unknown_labels
from store.database.schema import versions
from store.errors import KnownClassError, UnknownClassError, UnknownLabelError
from store.samples.contradictions import note_dispute
from store.samples.label_rules import GivenLabel, contradiction, nearest_class, resolve_labels
from store.samples.new_samples import append_label, label_history, put_in_force
from store.versions import production_classes

_MAX_BY_RULE = 500


def accept(connection: Connection, name: str, by: str) -> Decision:
    """Accept a label as a class: the next round learns it.

    Args:
        connection: Of a write.
        name: The label, as it was sent.
        by: Who decides.

    Raises:
        KnownClassError: Production knows it already.
        UnknownLabelError: No sample in quarantine is called so.
    """
    _refuse(connection, name)
    return note_decision(connection, name, "accepted", by)


def reject(connection: Connection, name: str, by: str) -> Decision:
    """Keep a label out for good; its samples stay in quarantine, and wait no longer.

    Raises:
        KnownClassError: Production knows it already.
        UnknownLabelError: No sample in quarantine is called so.
    """
    _refuse(connection, name)
    return note_decision(connection, name, "rejected", by)


def merge(connection: Connection, name: str, into: str, by: str) -> Decision:
    """Have a label mean another class: its samples get that label, and so does what is sent later.

    What the samples were called stays written down; the new label is a settlement of whoever merges.

    Args:
        connection: Of a write.
        name: The label, as it was sent.
        into: A class of production, or another label that waits or was accepted.
        by: Who decides.

    Raises:
        KnownClassError: Production knows `name` already.
        UnknownLabelError: No sample in quarantine is called `name`.
        UnknownClassError: `into` is no class and no label that waits, or it is `name` itself.
    """
    _refuse(connection, name)
    class_names = production_classes(connection) or []
    _refuse_target(connection, name, into, class_names)
    settlement = GivenLabel(by, into, is_trusted=True, is_settlement=True)
    for row in connection.execute(samples_called(name)).all():
        history = [*label_history(connection, row.id), settlement]
        append_label(connection, row.id, settlement)
        put_in_force(connection, row.id, resolve_labels(history, class_names))
        note_dispute(connection, row.id, contradiction(history, class_names))
    return note_decision(connection, name, "merged", by, into)


def accept_due(connection: Connection) -> list[str]:
    """Accept the labels that are due and of which nobody said anything; return them.

    A label that a version knew once is left to a person: its samples were set aside when another training or
    a roll-back took the class away.
    """
    known: set[str] = set()
    for names in connection.execute(select(versions.c.class_names)).scalars():
        known.update(names)
    due = [
        each.name
        for each in unknown_labels(connection, _MAX_BY_RULE)
        if each.is_due and each.decision is None and each.name not in known
    ]
    for name in due:
        note_decision(connection, name, "accepted", BY_RULE)
    return due


def _refuse(connection: Connection, name: str) -> None:
    class_names = production_classes(connection) or []
    if name in class_names:
        raise KnownClassError(f"Expected a label that production does not know, found its class {name!r}.")
    if connection.execute(samples_called(name).limit(1)).first() is None:
        waiting = [each.name for each in unknown_labels(connection)]
        raise UnknownLabelError(
            f"Expected a label that waits, found {name!r}, which no sample in quarantine is called"
            f"{_hint(name, waiting)}."
        )


def _refuse_target(connection: Connection, name: str, into: str, class_names: Collection[str]) -> None:
    waiting = [each.name for each in unknown_labels(connection, _MAX_BY_RULE) if each.name != name]
    accepted = [each.name for each in read_decisions(connection).values() if each.word == "accepted"]
    possible = {*class_names, *waiting, *accepted} - {name}
    if into not in possible:
        raise UnknownClassError(
            f"Expected another class, or another label that waits, found {into!r}{_hint(into, possible)}. "
            "Nothing was merged."
        )


def _hint(name: str, names: Collection[str]) -> str:
    nearest = nearest_class(name, names)
    return f"; the nearest is {nearest!r}" if nearest is not None else ""
