"""Keeps one open dispute for each sample that a person has to settle, as its labels arrive."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from store.database.chunks import chunks
from store.database.database import now
from store.database.schema import disputes
from store.samples.label_rules import GivenLabel, contradiction

_IS_OPEN = disputes.c.settled.is_(None)
# Built once: every label of a known image asks.
_OPEN_OF_SAMPLE = select(disputes.c.id, disputes.c.source, disputes.c.label).where(
    disputes.c.sample_id == bindparam("of_sample"), _IS_OPEN
)


def note_dispute(connection: Connection, sample_id: int, contradicting: GivenLabel | None) -> None:
    """Open a sample's dispute, or take its open one away where nobody contradicts any longer.

    Args:
        connection: Of a write.
        sample_id: The sample.
        contradicting: What `contradiction` returned.
    """
    is_open = connection.execute(_OPEN_OF_SAMPLE, {"of_sample": sample_id}).one_or_none()
    if contradicting is None:
        if is_open is not None:
            connection.execute(delete(disputes).where(disputes.c.id == is_open.id))
        return
    values = {"source": contradicting.source, "label": contradicting.label}
    if is_open is None:
        connection.execute(insert(disputes).values(sample_id=sample_id, created=now(connection), **values))
    elif (is_open.source, is_open.label) != (contradicting.source, contradicting.label):
        connection.execute(update(disputes).where(disputes.c.id == is_open.id).values(**values))


def note_disputes(
    connection: Connection, histories: Mapping[int, Sequence[GivenLabel]], class_names: Collection[str]
) -> None:
    """Open and take away disputes as other classes count.

    Args:
        connection: Of a write.
        histories: Sample → all its labels, oldest first.
        class_names: What production knows.
    """
    known = set(connection.execute(select(disputes.c.sample_id).where(_IS_OPEN)).scalars())
    for sample_id, history in histories.items():
        contradicting = contradiction(history, class_names)
        if contradicting is not None or sample_id in known:
            note_dispute(connection, sample_id, contradicting)


def disputed_samples(connection: Connection, sample_ids: Iterable[int]) -> set[int]:
    """Return which of these samples have an open dispute."""
    disputed: set[int] = set()
    for chunk in chunks(sorted(set(sample_ids))):
        query = select(disputes.c.sample_id).where(disputes.c.sample_id.in_(chunk), _IS_OPEN)
        disputed.update(connection.execute(query).scalars())
    return disputed


def forget_disputes(connection: Connection, sample_id: int) -> None:
    """Remove all disputes of a sample, which is about to be deleted."""
    connection.execute(delete(disputes).where(disputes.c.sample_id == sample_id))
