"""Adapts samples, slices and disputes to a change of the classes that production knows."""

from collections.abc import Sequence

from sqlalchemy import Connection, select, update

from store.database.schema import labels, slices
from store.samples.resolving import resolve_again


def adopt_lineage(connection: Connection, lineage: int, class_names: Sequence[str]) -> None:
    """Retire the slices of other lineages, and set every sample's state and label anew.

    Samples whose labels are none of `class_names` are quarantined; quarantined samples with one of them are
    accepted again. Disputes that are about other classes close, and open again with them.
    """
    connection.execute(update(slices).values(is_retired=slices.c.lineage != lineage))
    resolve_again(connection, set(class_names))


def adopt_classes(connection: Connection, before: Sequence[str], after: Sequence[str]) -> None:
    """Set anew the states and labels of samples that were called by a class that production gained or lost.

    Args:
        connection: Of the write that has moved the alias.
        before: The classes of production until now.
        after: Those from now on, of the same lineage.
    """
    changed = set(before) ^ set(after)
    if changed:
        called = select(labels.c.sample_id).where(labels.c.label.in_(sorted(changed)))
        resolve_again(connection, set(after), called)
