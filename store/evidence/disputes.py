"""Lists and settles disputes: the samples whose label a person has to decide."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, func, select, update

from store.database.chunks import chunks
from store.database.database import now
from store.database.schema import disputes, labels, samples
from store.errors import UnknownClassError, UnknownDisputeError
from store.samples.label_rules import GivenLabel, nearest_class, resolve_labels
from store.samples.new_samples import append_label, label_history, put_in_force
from store.versions import production_classes

_IS_OPEN = disputes.c.settled.is_(None)


@dataclass(frozen=True, slots=True)
class SaidLabel:
    """What a source said last of a disputed sample.

    Attributes:
        source: Who said it.
        label: What was said.
        is_trusted: The source had a trusted key then.
        created: When.
    """

    source: str
    label: str
    is_trusted: bool
    created: datetime


@dataclass(frozen=True, slots=True)
class Dispute:
    """A sample whose label a person has to decide, or has decided.

    Attributes:
        id: Its number; never given again.
        sample_id: The sample.
        sha256: Names the bytes of its image.
        label: The label in force; None where untrusted sources disagree.
        source: Who contradicts.
        contradiction: What that source says.
        said: What each source said last, in the order in which it was said.
        created: When it arose.
        settled: When it was settled; None while it is open.
        settled_by: Who settled it.
        settled_label: As what.
    """

    id: int
    sample_id: int
    sha256: str
    label: str | None
    source: str
    contradiction: str
    said: tuple[SaidLabel, ...]
    created: datetime
    settled: datetime | None
    settled_by: str | None
    settled_label: str | None


def num_disputes(connection: Connection) -> int:
    """Return how many samples wait for a person."""
    return connection.execute(select(func.count()).select_from(disputes).where(_IS_OPEN)).scalar_one()


def open_disputes(connection: Connection, limit: int = 50, before: int | None = None) -> list[Dispute]:
    """Return the open disputes, newest first.

    Args:
        connection: Where to look.
        limit: Of how many at most.
        before: The number of the last one of the page before.
    """
    query = _select_disputes().where(_IS_OPEN).order_by(disputes.c.id.desc()).limit(limit)
    if before is not None:
        query = query.where(disputes.c.id < before)
    rows = connection.execute(query).all()
    said = _said(connection, [row.sample_id for row in rows])
    return [_dispute(row, said[row.sample_id]) for row in rows]


def find_dispute(connection: Connection, dispute_id: int) -> Dispute:
    """Return one dispute, open or settled.

    Raises:
        UnknownDisputeError: There is none of that number.
    """
    row = connection.execute(_select_disputes().where(disputes.c.id == dispute_id)).one_or_none()
    if row is None:
        raise UnknownDisputeError(
            f"Expected the id of a dispute, found {dispute_id}. None has it, or its sources agree by now."
        )
    return _dispute(row, _said(connection, [row.sample_id])[row.sample_id])


def settle(connection: Connection, dispute_id: int, label: str, by: str) -> Dispute:
    """Put a label in force that nothing but another settlement changes, and return the settled dispute.

    Args:
        connection: Of a write.
        dispute_id: Which one; one that is settled may be settled anew.
        label: A class of production; before there is a version, a label that a source gave.
        by: Who decides.

    Raises:
        UnknownDisputeError: There is none of that number.
        UnknownClassError: The label is no class.
    """
    dispute = find_dispute(connection, dispute_id)
    history = label_history(connection, dispute.sample_id)
    class_names = production_classes(connection) or sorted({given.label for given in history})
    _refuse_unknown(label, class_names)
    settlement = GivenLabel(by, label, is_trusted=True, is_settlement=True)
    append_label(connection, dispute.sample_id, settlement)
    put_in_force(connection, dispute.sample_id, resolve_labels([*history, settlement], class_names))
    values = {"settled": now(connection), "settled_by": by, "settled_label": label}
    is_of_sample = (disputes.c.sample_id == dispute.sample_id) & _IS_OPEN
    connection.execute(update(disputes).where(is_of_sample | (disputes.c.id == dispute_id)).values(**values))
    return find_dispute(connection, dispute_id)


def _refuse_unknown(label: str, class_names: Collection[str]) -> None:
    if label in class_names:
        return
    nearest = nearest_class(label, class_names)
    hint = f"; the nearest is {nearest!r}" if nearest is not None else ""
    raise UnknownClassError(f"Expected a class, found {label!r}, which is none{hint}. Nothing was settled.")


def _select_disputes() -> Select[Any]:
    return select(
        disputes,
        samples.c.sha256,
        samples.c.label.label("in_force"),
    ).join(samples, samples.c.id == disputes.c.sample_id)


def _said(connection: Connection, sample_ids: Sequence[int]) -> dict[int, tuple[SaidLabel, ...]]:
    """Return sample → what each source said last."""
    last: defaultdict[int, dict[str, SaidLabel]] = defaultdict(dict)
    for chunk in chunks(sample_ids):
        query = select(labels).where(labels.c.sample_id.in_(chunk)).order_by(labels.c.id)
        for row in connection.execute(query):
            # Removed first, so that a source stands where it spoke last.
            last[row.sample_id].pop(row.source, None)
            said = SaidLabel(row.source, row.label, row.is_trusted, row.created)
            last[row.sample_id][row.source] = said
    return {sample_id: tuple(last[sample_id].values()) for sample_id in sample_ids}


def _dispute(row: Row[Any], said: tuple[SaidLabel, ...]) -> Dispute:
    return Dispute(
        id=row.id,
        sample_id=row.sample_id,
        sha256=row.sha256,
        label=row.in_force,
        source=row.source,
        contradiction=row.label,
        said=said,
        created=row.created,
        settled=row.settled,
        settled_by=row.settled_by,
        settled_label=row.settled_label,
    )
