"""What a change of the classes that production knows does to samples and slices."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, select, update

from store.label_rules import Standing, standing
from store.schema import labels, samples, slices


def adopt_lineage(connection: Connection, lineage: int, class_names: Sequence[str]) -> None:
    """Retire the slices of other lineages, and let every sample stand where its labels put it now.

    Samples whose labels are none of `class_names` are quarantined; those that wait for one of them come back.
    """
    connection.execute(update(slices).values(is_retired=slices.c.lineage != lineage))
    changes = _changed_standings(connection, set(class_names))
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


def _changed_standings(connection: Connection, class_names: set[str]) -> list[dict[str, Any]]:
    query = select(
        labels.c.id,
        labels.c.sample_id,
        labels.c.source,
        labels.c.label,
        samples.c.state,
        samples.c.label.label("in_force"),
    ).join(samples, samples.c.id == labels.c.sample_id)
    stood: dict[int, Standing] = {}
    latest: defaultdict[int, dict[str, str]] = defaultdict(dict)
    revisions: dict[tuple[int, str | None], int] = {}
    for row in connection.execute(query.order_by(labels.c.id)):
        stood[row.sample_id] = Standing(row.state, row.in_force)
        latest[row.sample_id][row.source] = row.label
        revisions[row.sample_id, row.label] = row.id
    stands = {sample_id: standing(said, class_names) for sample_id, said in latest.items()}
    return [
        {
            "sample_id": sample_id,
            "new_state": new.state,
            "new_label": new.label,
            "revision": revisions.get((sample_id, new.label)),
        }
        for sample_id, new in stands.items()
        if new != stood[sample_id]
    ]
