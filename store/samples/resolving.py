"""Sets states and labels of many samples anew, after a change of the classes or of the sources that count."""

from collections import defaultdict
from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, Select, bindparam, select, update

from store.database.schema import labels, samples
from store.samples.contradictions import note_disputes
from store.samples.label_rules import GivenLabel, LabelState, resolve_labels
from store.samples.pending import mark_seen_again
from store.samples.quarantine import as_counted, names_quarantined

_Histories = dict[int, list[GivenLabel]]


def resolve_again(
    connection: Connection, class_names: Collection[str], among: Select[int] | None = None
) -> list[int]:
    """Set each sample's state and label anew, with its dispute; return the ids of those that changed.

    Samples of which no label is a class are quarantined, and those that only quarantined sources labelled are
    withheld; where that is over they are accepted again.

    Args:
        connection: Of a write.
        class_names: What production knows.
        among: Selects the ids of the samples to look at; None for all.
    """
    histories, changes = _changed_states(connection, class_names, among)
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
    changed = [change["sample_id"] for change in changes]
    # A sample without a label in force has none that a version could have seen.
    mark_seen_again(connection, changed)
    return changed


def _changed_states(
    connection: Connection, class_names: Collection[str], among: Select[int] | None
) -> tuple[_Histories, list[dict[str, Any]]]:
    """Return the labels of the samples, and the new values of samples that change."""
    quarantined = names_quarantined(connection)
    states_before: dict[int, LabelState] = {}
    histories: defaultdict[int, list[GivenLabel]] = defaultdict(list)
    revisions: dict[tuple[int, str | None, bool], int] = {}
    for row in connection.execute(_labels(among)):
        states_before[row.sample_id] = LabelState(row.state, row.in_force, row.in_force_is_trusted)
        given = as_counted(GivenLabel(row.source, row.label, row.is_trusted, row.is_settlement), quarantined)
        histories[row.sample_id].append(given)
        if not given.is_withheld:
            revisions[row.sample_id, row.label, row.is_trusted] = row.id
    changes = []
    for sample_id, history in histories.items():
        new = resolve_labels(history, class_names)
        revision = revisions.get((sample_id, new.label, new.is_trusted))
        if new != states_before[sample_id]:
            changes.append(_change(sample_id, new, revision))
    return histories, changes


def _labels(among: Select[int] | None) -> Select[Any]:
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
    if among is not None:
        query = query.where(labels.c.sample_id.in_(among))
    return query.order_by(labels.c.id)


def _change(sample_id: int, new: LabelState, revision: int | None) -> dict[str, Any]:
    return {
        "sample_id": sample_id,
        "new_state": new.state,
        "new_label": new.label,
        "new_is_trusted": new.is_trusted,
        "revision": revision,
    }
