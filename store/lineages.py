"""Adapts samples and slices to a change of the classes that production knows."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, select, update

from store.database.schema import labels, samples, slices
from store.samples.label_rules import LabelState, latest_labels, resolve_labels


def adopt_lineage(connection: Connection, lineage: int, class_names: Sequence[str]) -> None:
    """Retire the slices of other lineages, and set every sample's state and label anew.

    Samples whose labels are none of `class_names` are quarantined; quarantined samples with one of them are
    accepted again.
    """
    connection.execute(update(slices).values(is_retired=slices.c.lineage != lineage))
    changes = _changed_states(connection, set(class_names))
    if changes:
        connection.execute(
            update(samples)
            .where(samples.c.id == bindparam("sample_id"))
            .values(
                state=bindparam("new_state"),
                label=bindparam("new_label"),
                label_revision=bindparam("revision"),
            ),
            changes,
        )


def _changed_states(connection: Connection, class_names: set[str]) -> list[dict[str, Any]]:
    query = select(
        labels.c.id,
        labels.c.sample_id,
        labels.c.source,
        labels.c.label,
        samples.c.state,
        samples.c.label.label("in_force"),
    ).join(samples, samples.c.id == labels.c.sample_id)
    states_before: dict[int, LabelState] = {}
    histories: defaultdict[int, list[tuple[str, str]]] = defaultdict(list)
    revisions: dict[tuple[int, str | None], int] = {}
    for row in connection.execute(query.order_by(labels.c.id)):
        states_before[row.sample_id] = LabelState(row.state, row.in_force)
        histories[row.sample_id].append((row.source, row.label))
        revisions[row.sample_id, row.label] = row.id
    states_now = {
        sample_id: resolve_labels(latest_labels(history, class_names), class_names)
        for sample_id, history in histories.items()
    }
    return [
        {
            "sample_id": sample_id,
            "new_state": new.state,
            "new_label": new.label,
            "revision": revisions.get((sample_id, new.label)),
        }
        for sample_id, new in states_now.items()
        if new != states_before[sample_id]
    ]
