"""Removes predictions from the log when a limit of age, size or number is reached."""

import heapq
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from typing import NamedTuple

from sqlalchemy import Connection, delete, select

from store.database.blob_references import unreferenced
from store.database.chunks import chunks
from store.database.database import now
from store.database.schema import prediction_tombstones, predictions
from store.forgotten_images import expire_images, forget_questions
from store.predictions.prediction_ids import milliseconds_of
from store.predictions.totals import (
    change_log_size,
    expired_until,
    log_size,
    logged_images,
    raise_expired_until,
)

# Twice as long as the share of answered questions looks back.
_QUESTIONS_KEPT = timedelta(days=60)


@dataclass(frozen=True, slots=True)
class RetentionSettings:
    """Limits of the prediction log; the one that is reached first counts."""

    max_days: float = 30.0
    max_bytes: int = 10 * 2**30
    max_rows: int = 10_000_000


@dataclass(frozen=True, slots=True)
class Expired:
    """How many predictions a batch removed from the log, and the bytes that no row needs any more."""

    num_predictions: int
    blobs_to_delete: list[str]


class _Candidate(NamedTuple):
    created: float
    id: str
    sha256: str
    num_bytes: int


def expire_predictions(connection: Connection, settings: RetentionSettings, batch: int = 1000) -> Expired:
    """Remove at most `batch` predictions over the limits from the log; call until it removes none.

    The oldest go first. Draws that nobody labelled yet go last, or when they reach the age limit. The
    caller deletes the bytes of `blobs_to_delete` after the commit; those of pools and of the questions that
    trials and watches ask are not among them.
    """
    moment = now(connection)
    forget_questions(connection, moment - _QUESTIONS_KEPT)
    cutoff = moment - timedelta(days=settings.max_days)
    query = select(predictions.c.id, predictions.c.sha256, predictions.c.num_bytes)
    aged = query.where(predictions.c.created < cutoff).order_by(predictions.c.created).limit(batch)
    going = [_Candidate(0.0, row.id, row.sha256, row.num_bytes) for row in connection.execute(aged)]
    if not going:
        going = _over_size(connection, settings, batch)
    return _remove(connection, going)


def _over_size(connection: Connection, settings: RetentionSettings, batch: int) -> list[_Candidate]:
    size = log_size(connection)
    num_rows_over = size.num_rows - settings.max_rows
    num_bytes_over = size.num_bytes - settings.max_bytes
    going: list[_Candidate] = []
    images: set[str] = set()
    if num_rows_over <= 0 and num_bytes_over <= 0:
        return going
    for candidate in _oldest_first(connection, batch):
        if len(going) >= num_rows_over and num_bytes_over <= 0:
            break
        going.append(candidate)
        if candidate.sha256 not in images:
            images.add(candidate.sha256)
            num_bytes_over -= candidate.num_bytes
    return going


def _oldest_first(connection: Connection, batch: int) -> Iterable[_Candidate]:
    """Yield up to `batch` predictions in the order in which they go."""
    # Each of these is one range of an index; one query with a condition on both would scan the log.
    expendable = heapq.merge(
        *(
            _oldest(connection, is_audit=is_audit, is_labelled=is_labelled, limit=batch)
            for is_audit, is_labelled in ((False, False), (False, True), (True, True))
        )
    )
    num_yielded = 0
    for candidate in islice(expendable, batch):
        num_yielded += 1
        yield candidate
    yield from _oldest(connection, is_audit=True, is_labelled=False, limit=batch - num_yielded)


def _oldest(connection: Connection, *, is_audit: bool, is_labelled: bool, limit: int) -> list[_Candidate]:
    query = (
        select(predictions.c.created, predictions.c.id, predictions.c.sha256, predictions.c.num_bytes)
        .where(predictions.c.is_audit.is_(is_audit), predictions.c.is_labelled.is_(is_labelled))
        .order_by(predictions.c.created)
        .limit(limit)
    )
    return [
        _Candidate(row.created.timestamp(), row.id, row.sha256, row.num_bytes)
        for row in connection.execute(query)
    ]


def _remove(connection: Connection, going: list[_Candidate]) -> Expired:
    if not going:
        return Expired(0, [])
    ids = [candidate.id for candidate in going]
    for chunk in chunks(ids):
        connection.execute(delete(predictions).where(predictions.c.id.in_(chunk)))
    images = {candidate.sha256: candidate.num_bytes for candidate in going}
    still_logged = logged_images(connection, images)
    unlogged = [sha256 for sha256 in images if sha256 not in still_logged]
    change_log_size(connection, -len(going), -sum(images[sha256] for sha256 in unlogged))
    times = [milliseconds for name in ids if (milliseconds := milliseconds_of(name)) is not None]
    if times:
        raise_expired_until(connection, max(times))
        # Predictions made up to then are known to have expired without a tombstone.
        first_kept = f"{expired_until(connection) + 1:012x}"
        connection.execute(delete(prediction_tombstones).where(prediction_tombstones.c.id < first_kept))
    expire_images(connection, unlogged)
    return Expired(len(going), unreferenced(connection, unlogged))
