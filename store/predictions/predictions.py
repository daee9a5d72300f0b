"""The prediction log: what was answered, and by which version."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, func, insert, or_, select, update

from store.database.blob_references import unreferenced
from store.database.chunks import chunks
from store.database.database import now
from store.database.schema import prediction_hours, prediction_tombstones, samples
from store.database.schema import predictions as predictions_table
from store.errors import PredictionGoneError, UnknownPredictionError
from store.predictions.prediction_ids import milliseconds_of
from store.predictions.totals import change_log_size, expired_until, logged_images
from store.versions import versions_that_saw

_REMEDY = "Send the image itself with its label instead."
# Built once: building a statement takes longer than running it.
_LOG = insert(predictions_table)
_GROW = (
    update(prediction_hours)
    .where(
        prediction_hours.c.hour == bindparam("of_hour"),
        prediction_hours.c.version == bindparam("of_version"),
        prediction_hours.c.label == bindparam("of_label"),
    )
    .values(
        num_predictions=prediction_hours.c.num_predictions + bindparam("num_more"),
        sum_confidence=prediction_hours.c.sum_confidence + bindparam("more_confidence"),
    )
)
_WANTS_LABEL = (predictions_table.c.is_audit.is_(True), predictions_table.c.is_labelled.is_(False))


@dataclass(frozen=True, slots=True)
class LoggedPrediction:
    """One answer, with all that learning from it later needs.

    `embedding` is one float16 vector, little-endian; `num_bytes` is the size of the image `sha256`; `source`
    is the name of the key that sent it.
    """

    id: str
    sha256: str
    num_bytes: int
    label: str
    confidence: float
    version: str
    embedding: bytes
    is_audit: bool
    group: str | None
    source: str
    created: datetime


@dataclass(frozen=True, slots=True)
class DeletedPrediction:
    """What belonged to a deleted prediction.

    `sample_id` is the sample that came from it or shares its image; it stays. `versions` are those that saw
    that sample, or descend from one that did. `blobs_to_delete` names the bytes that no row needs any more.
    """

    prediction_id: str
    sample_id: int | None
    versions: list[str]
    blobs_to_delete: list[str]


def log_predictions(connection: Connection, rows: Sequence[LoggedPrediction]) -> None:
    """Add predictions, whose images are in the blob store already, to the log and to the roll-ups.

    Of the predictions of one picture that are drawn for audit, only the first asks for a label.
    """
    if not rows:
        return
    images = {row.sha256: row.num_bytes for row in rows}
    num_known_bytes = sum(images[sha256] for sha256 in logged_images(connection, images))
    first_drawn = {row.sha256: row.id for row in reversed(rows) if row.is_audit}
    settled = _labelled_images(connection, first_drawn) | _audited_images(connection, first_drawn)
    connection.execute(
        _LOG,
        [
            _columns_of(row)
            | {"is_labelled": row.sha256 in settled or first_drawn.get(row.sha256, row.id) != row.id}
            for row in rows
        ],
    )
    change_log_size(connection, len(rows), sum(images.values()) - num_known_bytes)
    _roll_up(connection, rows)


def find_prediction(connection: Connection, prediction_id: str) -> LoggedPrediction:
    """Return a prediction that is still in the log.

    Raises:
        PredictionGoneError: It was deleted, or expired.
        UnknownPredictionError: There is none of that id, as far as we know there never was.
    """
    query = select(predictions_table).where(predictions_table.c.id == prediction_id)
    row = connection.execute(query).one_or_none()
    if row is not None:
        return _logged(row)
    tombstones = select(prediction_tombstones.c.id).where(prediction_tombstones.c.id == prediction_id)
    if connection.execute(tombstones).one_or_none() is not None:
        raise PredictionGoneError(f"Prediction {prediction_id} was deleted. {_REMEDY}")
    milliseconds = milliseconds_of(prediction_id)
    if milliseconds is not None and milliseconds <= expired_until(connection):
        raise PredictionGoneError(f"Prediction {prediction_id} has expired from the log. {_REMEDY}")
    raise UnknownPredictionError(
        f"Expected the id that a prediction was answered with, found {prediction_id!r}. "
        f"No prediction has it. {_REMEDY}"
    )


def mark_labelled(connection: Connection, sha256s: Collection[str]) -> None:
    """Mark every prediction of these images as labelled, so that nobody is asked for their labels again.

    A label that put its sample into quarantine doesn't count.
    """
    for images in chunks(sha256s):
        unknown = select(samples.c.sha256).where(
            samples.c.sha256.in_(images), samples.c.state == "quarantined"
        )
        known = set(images) - set(connection.execute(unknown).scalars())
        connection.execute(
            update(predictions_table).where(predictions_table.c.sha256.in_(known)).values(is_labelled=True)
        )


def audits_to_label(connection: Connection, limit: int = 50) -> list[LoggedPrediction]:
    """Return predictions drawn for audit that nobody labelled yet, newest first."""
    query = select(predictions_table).where(*_WANTS_LABEL)
    rows = connection.execute(query.order_by(predictions_table.c.created.desc()).limit(limit))
    return [_logged(row) for row in rows]


def num_audits_to_label(connection: Connection) -> int:
    """Return how many predictions drawn for audit nobody labelled yet."""
    return connection.execute(select(func.count()).where(*_WANTS_LABEL)).scalar_one()


def recent_embeddings(connection: Connection, version: str, limit: int) -> list[tuple[datetime, bytes]]:
    """Return (time, float16 embedding) of a version's last predictions, newest first."""
    query = (
        select(predictions_table.c.created, predictions_table.c.embedding)
        .where(predictions_table.c.version == version)
        .order_by(predictions_table.c.created.desc())
        .limit(limit)
    )
    return [(row.created, row.embedding) for row in connection.execute(query)]


def num_predictions_since(connection: Connection, since: datetime) -> int:
    """Return how many predictions the roll-ups of the hours that began after `since` count."""
    query = select(func.sum(prediction_hours.c.num_predictions)).where(prediction_hours.c.hour > since)
    return connection.execute(query).scalar_one() or 0


def delete_prediction(connection: Connection, prediction_id: str) -> DeletedPrediction:
    """Delete a prediction for good; a sample that came from it stays, and has a deletion of its own.

    The caller deletes the bytes named in `blobs_to_delete` after the commit.

    Raises:
        PredictionGoneError: It was deleted before, or expired.
        UnknownPredictionError: There is none of that id.
    """
    prediction = find_prediction(connection, prediction_id)
    connection.execute(delete(predictions_table).where(predictions_table.c.id == prediction_id))
    connection.execute(insert(prediction_tombstones).values(id=prediction_id, created=now(connection)))
    is_last = prediction.sha256 not in logged_images(connection, [prediction.sha256])
    change_log_size(connection, -1, -prediction.num_bytes if is_last else 0)
    sample_id = _sample_of(connection, prediction)
    return DeletedPrediction(
        prediction_id,
        sample_id,
        [] if sample_id is None else versions_that_saw(connection, sample_id),
        unreferenced(connection, [prediction.sha256]),
    )


def _columns_of(row: LoggedPrediction) -> dict[str, Any]:
    # Not asdict, which copies each value.
    return {name: getattr(row, name) for name in LoggedPrediction.__dataclass_fields__}


def _audited_images(connection: Connection, shas: Collection[str]) -> set[str]:
    if not shas:
        return set()
    query = select(predictions_table.c.sha256).where(
        predictions_table.c.sha256.in_(shas), predictions_table.c.is_audit.is_(True)
    )
    return set(connection.execute(query).scalars())


def _labelled_images(connection: Connection, shas: Collection[str]) -> set[str]:
    if not shas:
        return set()
    query = select(samples.c.sha256).where(samples.c.sha256.in_(shas), samples.c.state != "quarantined")
    return set(connection.execute(query).scalars())


def _sample_of(connection: Connection, prediction: LoggedPrediction) -> int | None:
    query = select(samples.c.id).where(
        or_(samples.c.prediction_id == prediction.id, samples.c.sha256 == prediction.sha256)
    )
    return connection.execute(query.order_by(samples.c.id).limit(1)).scalar_one_or_none()


def _roll_up(connection: Connection, rows: Sequence[LoggedPrediction]) -> None:
    sums: defaultdict[tuple[datetime, str, str], list[float]] = defaultdict(list)
    for row in rows:
        hour = row.created.replace(minute=0, second=0, microsecond=0)
        sums[hour, row.version, row.label].append(row.confidence)
    for (hour, version, label), confidences in sums.items():
        key = {"of_hour": hour, "of_version": version, "of_label": label}
        grown = {"num_more": len(confidences), "more_confidence": sum(confidences)}
        if connection.execute(_GROW, key | grown).rowcount == 0:
            connection.execute(
                insert(prediction_hours).values(
                    hour=hour,
                    version=version,
                    label=label,
                    num_predictions=len(confidences),
                    sum_confidence=sum(confidences),
                )
            )


def _logged(row: Row[tuple[object, ...]]) -> LoggedPrediction:
    fields = row._mapping
    return LoggedPrediction(**{name: fields[name] for name in LoggedPrediction.__dataclass_fields__})
