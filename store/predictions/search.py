"""Searches the log for predictions; however large it is, a search reads a bounded number of rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, Row, select

from store.database.schema import predictions, samples

#: Rows that one search looks at: rare matches are found by going on from where it ended.
MAX_READ = 20_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Outcome = Literal["right", "wrong", "unlabelled"]
# Not a join: the database would read all samples first, and sort the predictions that they lead to.
_TRUE_LABEL = (
    select(samples.c.label)
    .where(samples.c.sha256 == predictions.c.sha256, samples.c.state == "accepted")
    .scalar_subquery()
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What predictions are looked for; None takes all.

    Attributes:
        label: The class that was answered.
        source: The key that asked.
        version: Who answered.
        since: Not before this.
        until: Before this.
        min_confidence: At least this sure, from 0 to 1.
        max_confidence: At most this sure.
        outcome: Whether the answer agrees with the label that the image has now, if it has one.
    """

    label: str | None = None
    source: str | None = None
    version: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    min_confidence: float | None = None
    max_confidence: float | None = None
    outcome: Outcome | None = None


@dataclass(frozen=True, slots=True)
class PredictionRow:
    """One prediction; `true_label` is the label that its image has now, if it has one."""

    id: str
    label: str
    confidence: float
    version: str
    source: str
    created: datetime
    true_label: str | None


_ROWS = select(
    *(predictions.c[name] for name in PredictionRow.__slots__ if name != "true_label"),
    _TRUE_LABEL.label("true_label"),
)


@dataclass(frozen=True, slots=True)
class Page:
    """Predictions, newest first; `before` goes on from here, None where the log ends."""

    predictions: list[PredictionRow]
    before: str | None


def search_predictions(
    connection: Connection,
    wanted: Wanted,
    *,
    limit: int,
    before: str | None = None,
    max_read: int = MAX_READ,
) -> Page:
    """Return the next page of predictions that are looked for; it may be short or empty and yet not the last.

    Args:
        connection: To the store.
        wanted: What is looked for.
        limit: Predictions on a page.
        before: Where the page before ended.
        max_read: Rows of the log that are looked at.
    """
    # Ids sort by time, and they are the table's key: no index is needed besides.
    bounds = _bounds(wanted, before)
    floor = _floor(connection, bounds, max_read)
    if floor is not None:
        bounds = [*bounds, predictions.c.id >= floor]
    query = _ROWS.where(*bounds, *_conditions(wanted)).order_by(predictions.c.id.desc()).limit(limit + 1)
    rows = [_prediction_of(row) for row in connection.execute(query)]
    if len(rows) > limit:
        return Page(rows[:limit], rows[limit - 1].id)
    return Page(rows, floor)


def prediction_rows(connection: Connection, ids: Sequence[str]) -> list[PredictionRow]:
    """Return the predictions of these ids, in their order; those that are no longer there are missing."""
    rows = connection.execute(_ROWS.where(predictions.c.id.in_(ids)))
    found = {row.id: _prediction_of(row) for row in rows}
    return [found[each] for each in ids if each in found]


def _floor(connection: Connection, bounds: list[ColumnElement[bool]], max_read: int) -> str | None:
    """Return the id of the last row that may be read; None where the log ends before it."""
    query = select(predictions.c.id).where(*bounds).order_by(predictions.c.id.desc())
    floor: str | None = connection.execute(query.offset(max_read - 1).limit(1)).scalar_one_or_none()
    return floor


def _bounds(wanted: Wanted, before: str | None) -> list[ColumnElement[bool]]:
    bounds = []
    if wanted.since is not None:
        bounds.append(predictions.c.id >= _first_id(wanted.since))
    if wanted.until is not None:
        bounds.append(predictions.c.id < _first_id(wanted.until))
    if before is not None:
        bounds.append(predictions.c.id < before)
    return bounds


def _first_id(moment: datetime) -> str:
    """Return what sorts before each id of a moment.

    >>> _first_id(datetime(2026, 1, 1, tzinfo=UTC))
    '019b76daa800'
    """
    milliseconds = max(0, (moment - _EPOCH) // timedelta(milliseconds=1))
    return f"{milliseconds:012x}"


def _conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    row = predictions.c
    # With an empty text behind it: the index on versions has another order, and all matches would be sorted.
    version = row.version.concat("")
    equal = {row.label: wanted.label, row.source: wanted.source, version: wanted.version}
    conditions = [column == value for column, value in equal.items() if value is not None]
    if wanted.min_confidence is not None:
        conditions.append(row.confidence >= wanted.min_confidence)
    if wanted.max_confidence is not None:
        conditions.append(row.confidence <= wanted.max_confidence)
    if wanted.outcome is not None:
        conditions.append(
            {
                "right": row.label == _TRUE_LABEL,
                "wrong": row.label != _TRUE_LABEL,
                "unlabelled": _TRUE_LABEL.is_(None),
            }[wanted.outcome]
        )
    return conditions


def _prediction_of(row: Row[*tuple[Any, ...]]) -> PredictionRow:
    return PredictionRow(**{name: row._mapping[name] for name in PredictionRow.__slots__})
