"""What is normal now: the first distinct images after a promotion or a person's word, and the last ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from store.database.database import now
from store.database.schema import drift_images, drift_references, predictions
from store.labelled_draws import newest_sample

# Production's, and that of the version before, to which a roll-back may return.
_NUM_KEPT = 2
# Predictions are written behind; one that was made earlier than this is in the log.
_WRITTEN_AFTER = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class DriftReference:
    """What a version's images are compared with.

    Attributes:
        id: Its number; the greatest is in force.
        version: Which version's.
        begun: Images predicted from then on count.
        read_until: Up to where the log was read.
        last_sample_before: The last sample that was there before.
        frozen: When it had images enough; None while it is collected.
    """

    id: int
    version: str
    begun: datetime
    read_until: datetime
    last_sample_before: int
    frozen: datetime | None


@dataclass(frozen=True, slots=True)
class LoggedImage:
    """An image that production answered; the embedding is one float16 vector, little-endian."""

    sha256: str
    prediction_id: str
    label: str
    confidence: float
    embedding: bytes
    group: str | None
    source: str
    created: datetime


@dataclass(frozen=True, slots=True)
class DriftImage(LoggedImage):
    """An image that is normal, or that is compared; `phash` is signed, 64 bits."""

    phash: int


@dataclass(frozen=True, slots=True)
class LogPage:
    """A page of the log.

    Attributes:
        images: One for each prediction, oldest first.
        read_until: Where the next page begins.
        settled: What was predicted before is in the log.
        is_last: Whether nothing comes after it yet.
    """

    images: tuple[LoggedImage, ...]
    read_until: datetime
    settled: datetime
    is_last: bool


_LOGGED = tuple(predictions.c[name] for name in LoggedImage.__dataclass_fields__ if name != "prediction_id")
_KEPT = tuple(drift_images.c[name] for name in DriftImage.__dataclass_fields__)


def current_reference(connection: Connection) -> DriftReference | None:
    """Return the reference in force; None before the first."""
    query = select(drift_references).order_by(drift_references.c.id.desc()).limit(1)
    row = connection.execute(query).one_or_none()
    return None if row is None else DriftReference(**row._mapping)


def begin_reference(connection: Connection, version: str, since: datetime | None = None) -> DriftReference:
    """Collect anew what is normal for a version; what was normal for it is forgotten.

    Args:
        connection: Of a write.
        version: Which version's.
        since: The first moment whose predictions count; None for now.
    """
    moment = since or now(connection)
    last_sample = newest_sample(connection)
    begun = _insert(connection, DriftReference(0, version, moment, moment, last_sample, None))
    _forget_older(connection, begun)
    return begun


def resume_reference(connection: Connection, version: str) -> DriftReference | None:
    """Bring back what was normal for a version that is production again; None where that is not known."""
    query = select(drift_references).where(
        drift_references.c.version == version, drift_references.c.frozen.is_not(None)
    )
    row = connection.execute(query.order_by(drift_references.c.id.desc()).limit(1)).one_or_none()
    if row is None:
        return None
    before = DriftReference(**row._mapping)
    moment, last_sample = now(connection), newest_sample(connection)
    resumed = _insert(connection, DriftReference(0, version, moment, moment, last_sample, before.frozen))
    connection.execute(
        update(drift_images)
        .where(drift_images.c.reference_id == before.id, drift_images.c.is_normal.is_(True))
        .values(reference_id=resumed.id)
    )
    _forget_older(connection, resumed)
    return resumed


def read_log(connection: Connection, reference: DriftReference, limit: int) -> LogPage:
    """Return the next predictions of the reference's version, `limit` at most."""
    columns, settled = predictions.c, now(connection) - _WRITTEN_AFTER
    query = select(columns.id.label("prediction_id"), *_LOGGED).where(
        columns.version == reference.version,
        columns.created >= reference.read_until,
        columns.created < settled,
    )
    rows = connection.execute(query.order_by(columns.created).limit(limit)).all()
    images = [LoggedImage(**row._mapping) for row in rows]
    is_last = len(rows) < limit
    return LogPage(tuple(images), _next(reference, images, is_last=is_last), settled, is_last)


def normal_images(connection: Connection, reference_id: int) -> list[DriftImage]:
    """Return the images that are normal, oldest first."""
    return _read(connection, reference_id, is_normal=True)


def last_images(connection: Connection, reference_id: int) -> list[DriftImage]:
    """Return the last images that are compared with the normal ones, oldest first."""
    return _read(connection, reference_id, is_normal=False)


def add_images(
    connection: Connection,
    reference: DriftReference,
    images: Sequence[DriftImage],
    read_until: datetime,
    *,
    keep: int,
) -> bool:
    """Store distinct images: as normal while the reference is collected, else among the last ones.

    Args:
        connection: Of a write.
        reference: As it was when the log was read.
        images: In the order of the log.
        read_until: Where the log is read next.
        keep: So many of the last ones are kept.

    Returns:
        False where another reference came into force meanwhile; then nothing is stored.
    """
    current = current_reference(connection)
    if current is None or current.id != reference.id:
        return False
    is_normal = reference.frozen is None
    rows = [
        {name: getattr(image, name) for name in DriftImage.__dataclass_fields__}
        | {"reference_id": reference.id, "is_normal": is_normal}
        for image in images
    ]
    if rows:
        connection.execute(insert(drift_images), rows)
    _change(connection, reference.id, read_until=read_until)
    if rows and not is_normal:
        _forget_all_but_last(connection, reference.id, keep)
    return True


def freeze(connection: Connection, reference: DriftReference) -> None:
    """Keep the normal images of a reference as they are from now on."""
    _change(connection, reference.id, frozen=now(connection))


def num_normal(connection: Connection, reference_id: int) -> int:
    """Return how many images are normal."""
    is_normal = (drift_images.c.reference_id == reference_id) & drift_images.c.is_normal.is_(True)
    return int(
        connection.execute(select(func.count()).select_from(drift_images).where(is_normal)).scalar_one()
    )


def _insert(connection: Connection, reference: DriftReference) -> DriftReference:
    values = {name: getattr(reference, name) for name in DriftReference.__dataclass_fields__ if name != "id"}
    query = insert(drift_references).values(**values).returning(drift_references.c.id)
    number = connection.execute(query).scalar_one()
    return DriftReference(**values | {"id": number})


def _forget_older(connection: Connection, newest: DriftReference) -> None:
    columns = select(drift_references.c.id, drift_references.c.version)
    others = connection.execute(columns.order_by(drift_references.c.id.desc())).all()
    kept = [row.id for row in others if row.id == newest.id or row.version != newest.version][:_NUM_KEPT]
    for old in {row.id for row in others} - set(kept):
        connection.execute(delete(drift_images).where(drift_images.c.reference_id == old))
        connection.execute(delete(drift_references).where(drift_references.c.id == old))


def _change(connection: Connection, reference_id: int, **values: Any) -> None:
    connection.execute(update(drift_references).where(drift_references.c.id == reference_id).values(**values))


def _read(connection: Connection, reference_id: int, *, is_normal: bool) -> list[DriftImage]:
    query = select(*_KEPT).where(
        drift_images.c.reference_id == reference_id, drift_images.c.is_normal.is_(is_normal)
    )
    return [DriftImage(**row._mapping) for row in connection.execute(query.order_by(drift_images.c.id))]


def _forget_all_but_last(connection: Connection, reference_id: int, keep: int) -> None:
    is_last = (drift_images.c.reference_id == reference_id) & drift_images.c.is_normal.is_(False)
    newest = select(drift_images.c.id).where(is_last).order_by(drift_images.c.id.desc())
    first_gone = connection.execute(newest.limit(1).offset(keep)).scalar_one_or_none()
    if first_gone is not None:
        connection.execute(delete(drift_images).where(is_last, drift_images.c.id <= first_gone))


def _next(reference: DriftReference, images: Sequence[LoggedImage], *, is_last: bool) -> datetime:
    if not images:
        return reference.read_until
    last = images[-1].created
    # A full page may end amid a batch, which has one time; it is read again, unless it is all of the page.
    is_whole = is_last or last == reference.read_until
    return last + timedelta(microseconds=1) if is_whole else last
