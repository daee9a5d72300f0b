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
from store.evidence.held_out import HeldOutImage, hold_out
from store.evidence.questions import ask
from store.forgotten_images import DRAW, forget_deleted
from store.predictions.prediction_ids import milliseconds_of
from store.predictions.totals import change_log_size, expired_until, logged_images
from store.samples.splits import SplitSettings, Splitter, splitter
from store.versions import versions_that_saw

_REMEDY = "Send the image itself with its label instead."
# Built once: building a statement takes longer than running it.
_LOG = insert(predictions_table)
_LABELLED = select(samples.c.sha256).where(
    samples.c.sha256.in_(bindparam("shas", expanding=True)), samples.c.state.in_(("accepted", "conflict"))
)
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


@dataclass(frozen=True, slots=True)
class LoggedPrediction:
    """One answer, with all that learning from it later needs.

    `embedding` is one float16 vector, little-endian; `num_bytes` is the size of the image `sha256`; `source`
    is the name of the key that sent it. `is_audit` says that it is one of the draws: that is decided when it
    is logged, whatever a new one says.
    """

    id: str
    sha256: str
    num_bytes: int
    label: str
    confidence: float
    version: str
    embedding: bytes
    group: str | None
    source: str
    created: datetime
    is_audit: bool = False


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


def log_predictions(
    connection: Connection, rows: Sequence[LoggedPrediction], settings: SplitSettings
) -> None:
    """Add predictions, whose images are in the blob store already, to the log and to the roll-ups.

    Here it is decided which images are held out and which are draws: before anybody can label them, and
    within the store, since a client must not know. The labels of draws are asked for.
    """
    if not rows:
        return
    split = splitter(connection, settings)
    images = {row.sha256: row.num_bytes for row in rows}
    known = logged_images(connection, images)
    labelled = _labelled_images(connection, images)
    drawn = {sha256 for sha256 in images if split.is_draw(sha256)}
    connection.execute(
        _LOG,
        [
            _columns_of(row) | {"is_audit": row.sha256 in drawn, "is_labelled": row.sha256 in labelled}
            for row in rows
        ],
    )
    change_log_size(connection, len(rows), sum(images.values()) - sum(images[sha256] for sha256 in known))
    _roll_up(connection, rows)
    # The first prediction of an image decides: with others a client could try groups until one is held out.
    first = {row.sha256: row for row in reversed(rows) if row.sha256 not in known}
    new = [_held_out(row, split) for row in first.values() if _is_held_out(row, split)]
    hold_out(connection, images, new, max(row.created for row in rows))
    if drawn:
        ask(connection, drawn, DRAW)


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


def newest_prediction(connection: Connection, sha256: str) -> LoggedPrediction | None:
    """Return the last prediction of an image that is still in the log, or None."""
    query = select(predictions_table).where(predictions_table.c.sha256 == sha256)
    row = connection.execute(query.order_by(predictions_table.c.created.desc()).limit(1)).one_or_none()
    return None if row is None else _logged(row)


def recent_embeddings(connection: Connection, version: str, limit: int) -> list[tuple[datetime, bytes]]:
    """Return (time, float16 embedding) of a version's last predictions, newest first."""
    query = (
        select(predictions_table.c.created, predictions_table.c.embedding)
        .where(predictions_table.c.version == version)
        .order_by(predictions_table.c.created.desc())
        .limit(limit)
    )
    return [(row.created, row.embedding) for row in connection.execute(query)]


def first_times(
    connection: Connection, version: str, limit: int, since: datetime | None = None
) -> list[datetime]:
    """Return when a version's first predictions were answered, those after `since` where it is given."""
    query = select(predictions_table.c.created).where(predictions_table.c.version == version)
    if since is not None:
        query = query.where(predictions_table.c.created > since)
    return list(connection.execute(query.order_by(predictions_table.c.created).limit(limit)).scalars())


def recent_images(connection: Connection, version: str, limit: int) -> list[tuple[str, str, bytes]]:
    """Return (id, sha256 of the image, float16 embedding) of a version's last predictions, newest first."""
    table = predictions_table.c
    query = select(table.id, table.sha256, table.embedding).where(table.version == version)
    rows = connection.execute(query.order_by(table.created.desc()).limit(limit))
    return [(row.id, row.sha256, row.embedding) for row in rows]


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
    forget_deleted(connection, prediction.sha256)
    return DeletedPrediction(
        prediction_id,
        sample_id,
        [] if sample_id is None else versions_that_saw(connection, sample_id),
        unreferenced(connection, [prediction.sha256]),
    )


def _columns_of(row: LoggedPrediction) -> dict[str, Any]:
    # Not asdict, which copies each value.
    return {name: getattr(row, name) for name in LoggedPrediction.__dataclass_fields__}


def _is_held_out(row: LoggedPrediction, split: Splitter) -> bool:
    return split.split_of(split.key(row.sha256, row.source, row.group)) == "holdout"


def _held_out(row: LoggedPrediction, split: Splitter) -> HeldOutImage:
    return HeldOutImage(
        sha256=row.sha256,
        rank=split.rank(row.sha256),
        source=row.source,
        group=row.group,
        first_seen=row.created,
        last_seen=row.created,
    )


def _labelled_images(connection: Connection, shas: Collection[str]) -> set[str]:
    labelled: set[str] = set()
    for chunk in chunks(shas):
        labelled.update(connection.execute(_LABELLED, {"shas": chunk}).scalars())
    return labelled


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
