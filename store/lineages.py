"""Adapts samples, slices and disputes to a change of the classes that production knows."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, select, update

from store.database.schema import labels, samples, slices
from store.samples.contradictions import note_disputes
from store.samples.label_rules import GivenLabel, LabelState, resolve_labels
from store.samples.pending import mark_seen_again

_Histories = dict[int, list[GivenLabel]]


def adopt_lineage(connection: Connection, lineage: int, class_names: Sequence[str]) -> None:
    """Retire the slices of other lineages, and set every sample's state and label anew.

    Samples whose labels are none of `class_names` are quarantined; quarantined samples with one of them are
    accepted again. Disputes that are about other classes close, and open again with them.
    """
    connection.execute(update(slices).values(is_retired=slices.c.lineage != lineage))
    _adopt(connection, set(class_names))


def adopt_classes(connection: Connection, before: Sequence[str], after: Sequence[str]) -> None:
    """Set anew the states and labels of samples that were called by a class that production gained or lost.

    Args:
        connection: Of the write that has moved the alias.
        before: The classes of production until now.
        after: Those from now on, of the same lineage.
    """
    changed = set(before) ^ set(after)
    if changed:
        _adopt(connection, set(after), changed)


def _adopt(connection: Connection, class_names: set[str], about: set[str] | None = None) -> None:
    """Set states and labels anew, of all samples or of those that were ever called one of `about`."""
    histories, changes = _changed_states(connection, class_names, about)
    note_disputes(connection, histories, class_names)
    if changes:
        connection.execute(
            update(samples)
            .where(samples.c.id == bindparam("sample_id"))
            .values(
                state=bindparam("new_state"),
                label=bindparam("new_label"),
                is_trusted=bindparam("new_is_trusted"),
                label_revision=bindparam("revision"),
            ),
            changes,
        )
        # A sample in quarantine has no label that a version could have seen.
        mark_seen_again(connection, [change["sample_id"] for change in changes])


def _changed_states(
    connection: Connection, class_names: set[str], about: set[str] | None
) -> tuple[_Histories, list[dict[str, Any]]]:
    """Return the labels of every sample, and the new values of samples that change."""
    query = select(
        labels.c.id,
        labels.c.sample_id,
        labels.c.source,
        labels.c.label,
        labels.c.is_trusted,
        labels.c.is_settlement,
        samples.c.state,
        samples.c.label.label("in_force"),
        samples.c.is_trusted.label("in_force_is_trusted"),
    ).join(samples, samples.c.id == labels.c.sample_id)
    if about is not None:
        called = labels.alias()
        query = query.where(
            labels.c.sample_id.in_(select(called.c.sample_id).where(called.c.label.in_(sorted(about))))
        )
    states_before: dict[int, LabelState] = {}
    histories: defaultdict[int, list[GivenLabel]] = defaultdict(list)
    revisions: dict[tuple[int, str | None, bool], int] = {}
    for row in connection.execute(query.order_by(labels.c.id)):
        states_before[row.sample_id] = LabelState(row.state, row.in_force, row.in_force_is_trusted)
        given = GivenLabel(row.source, row.label, row.is_trusted, row.is_settlement)
        histories[row.sample_id].append(given)
        revisions[row.sample_id, row.label, row.is_trusted] = row.id
    changes = []
    for sample_id, history in histories.items():
        new = resolve_labels(history, class_names)
        if new != states_before[sample_id]:
            revision = revisions.get((sample_id, new.label, new.is_trusted))
            changes.append(_change(sample_id, new, revision))
    return histories, changes


def _change(sample_id: int, new: LabelState, revision: int | None) -> dict[str, Any]:
    return {
        "sample_id": sample_id,
        "new_state": new.state,
        "new_label": new.label,
        "new_is_trusted": new.is_trusted,
        "revision": revision,
    }
