"""What a change of the classes that production knows does to samples and slices."""

from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy import Connection, select, update

from store.schema import labels, samples, slices


def adopt_lineage(connection: Connection, lineage: int, class_names: Sequence[str]) -> None:
    """Set aside what belongs to other classes, and take back what these classes know.

    Slices of other lineages retire; samples whose label is none of `class_names` are quarantined; and
    quarantined ones whose sources agree on one of `class_names` are accepted again.
    """
    connection.execute(update(slices).values(is_retired=slices.c.lineage != lineage))
    returning = _agreed_labels(connection, class_names)
    connection.execute(
        update(samples)
        .where(samples.c.state == "accepted", samples.c.label.not_in(class_names))
        .values(state="quarantined", label=None, label_revision=None)
    )
    for sample_id, (label, revision) in returning.items():
        connection.execute(
            update(samples)
            .where(samples.c.id == sample_id)
            .values(state="accepted", label=label, label_revision=revision)
        )


def _agreed_labels(connection: Connection, class_names: Sequence[str]) -> dict[int, tuple[str, int]]:
    """Return the (label, revision) of each quarantined sample whose sources agree on a known one."""
    query = (
        select(labels.c.id, labels.c.sample_id, labels.c.source, labels.c.label)
        .join(samples, samples.c.id == labels.c.sample_id)
        .where(samples.c.state == "quarantined")
        .order_by(labels.c.id)
    )
    latest: defaultdict[int, dict[str, tuple[str, int]]] = defaultdict(dict)
    for row in connection.execute(query):
        latest[row.sample_id][row.source] = (row.label, row.id)
    known = set(class_names)
    agreed = {}
    for sample_id, by_source in latest.items():
        said = {label for label, _ in by_source.values()}
        if len(said) == 1 and said <= known:
            agreed[sample_id] = max(by_source.values(), key=lambda latest_label: latest_label[1])
    return agreed
