"""Fills the log of predictions, and what it leaves behind, inside SQLite: a million rows in a minute."""

import sys
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from sqlalchemy import Connection

from store.database.database import Database

_CHUNK = 50_000
_DAYS = 30
# float16 of a ResNet-18.
_EMBEDDING_BYTES = 1024
_NUM_RECENT_VERSIONS = 15

_NUMBERS = "WITH RECURSIVE n(i) AS (SELECT :first UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :stop)"
_LABEL = "printf('class %04d', i * 7919 % :num_classes)"

_SAMPLES = f"""
{_NUMBERS}
INSERT INTO samples (id, sha256, phash, origin, split, label, state, source, is_seen, is_trusted, created)
SELECT i, printf('%064x', i), random(), 'volunteered', 'train', {_LABEL}, 'accepted',
    'camera ' || i % 7, i % 400 <> 0, 0, :begun FROM n
"""

# Each hundredth is of an image that somebody labelled; the last ones are of pictures that are there.
_PREDICTIONS = f"""
{_NUMBERS}, timed(i, at) AS (SELECT i, :begun_seconds + i * :seconds / :num_rows FROM n)
INSERT INTO predictions (id, sha256, num_bytes, label, confidence, version, embedding, is_audit,
    is_labelled, source, created)
SELECT printf('%012x7', at * 1000) || substr(lower(hex(randomblob(2))), 2) || '8'
        || substr(lower(hex(randomblob(8))), 2),
    CASE i % 100 WHEN 0 THEN printf('%064x', 1 + i / 100) ELSE lower(hex(randomblob(32))) END,
    50000, {_LABEL}, 0.3 + abs(random() % 700) / 1000.0,
    'v' || max(1, :num_versions - (:num_rows - 1 - i) * {_NUM_RECENT_VERSIONS} / :num_rows),
    randomblob({_EMBEDDING_BYTES}), i % 20 = 0, i % 100 = 0, 'camera ' || i % 7,
    strftime('%Y-%m-%d %H:%M:%S.000000', at, 'unixepoch')
FROM timed
"""

_AFTER = (
    """
    INSERT INTO prediction_hours (hour, version, label, num_predictions, sum_confidence)
    SELECT strftime('%Y-%m-%d %H:00:00.000000', created), version, label, count(*), sum(confidence)
    FROM predictions GROUP BY 1, 2, 3
    """,
    """
    INSERT INTO held_out_images (sha256, rank, source, first_seen, last_seen)
    SELECT sha256, abs(random()), source, created, created FROM predictions WHERE rowid % 5 = 1
    """,
    """
    INSERT INTO questions (id, sha256, priority, created, answered, is_none, is_withdrawn)
    SELECT lower(hex(randomblob(16))), sha256, 0, created, CASE is_labelled WHEN 1 THEN created END, 0, 0
    FROM predictions WHERE is_audit
    """,
)


@dataclass(frozen=True, slots=True)
class Sizes:
    """How large the home is; every second round was promoted."""

    num_predictions: int = 1_000_000
    num_rounds: int = 200
    num_classes: int = 1000
    num_samples: int = 100_000
    num_golden: int = 2000
    num_new: int = 200
    num_alarms: int = 30

    @property
    def num_versions(self) -> int:
        """The first one and those of promoted rounds."""
        return 1 + self.num_rounds // 2

    @property
    def class_names(self) -> list[str]:
        """As the log names them too."""
        return [f"class {number:04}" for number in range(self.num_classes)]


def fill_log(database: Database, sizes: Sizes, pictures: list[str], now: datetime) -> None:
    """Log predictions of the last thirty days, the newest of some pictures, and add samples.

    Args:
        database: Empty but for the versions; SQLite.
        sizes: How many of each.
        pictures: SHA-256s of stored images.
        now: When the log ends.
    """
    seconds = _DAYS * 24 * 3600
    begun = int(now.timestamp()) - seconds
    given = {
        "num_classes": sizes.num_classes,
        "num_versions": sizes.num_versions,
        "num_rows": sizes.num_predictions,
        "begun_seconds": begun,
        "seconds": seconds,
        "begun": f"{now:%Y-%m-%d %H:%M:%S}.000000",
    }
    _in_chunks(database, _SAMPLES, 1, sizes.num_samples + 1, given)
    _in_chunks(database, _PREDICTIONS, 0, sizes.num_predictions, given)
    for statement in _AFTER:
        database.write(partial(_execute, statement=statement, given={}))
    database.write(partial(_show, pictures=pictures))


def _in_chunks(database: Database, statement: str, first: int, stop: int, given: dict[str, object]) -> None:
    for begin in range(first, stop, _CHUNK):
        bounds = {"first": begin, "stop": min(begin + _CHUNK, stop)}
        database.write(partial(_execute, statement=statement, given={**given, **bounds}))
        print(f"{bounds['stop']} of {stop} rows", file=sys.stderr, flush=True)


def _execute(connection: Connection, statement: str, given: dict[str, object]) -> None:
    connection.exec_driver_sql(statement, given)


def _show(connection: Connection, pictures: list[str]) -> None:
    """Make the newest predictions those of pictures that can be shown, and ask for labels of some."""
    newest = connection.exec_driver_sql(
        "SELECT id FROM predictions ORDER BY created DESC LIMIT 200"
    ).scalars()
    for number, prediction_id in enumerate(newest.all()):
        sha256 = pictures[number % len(pictures)]
        connection.exec_driver_sql("UPDATE predictions SET sha256 = ? WHERE id = ?", (sha256, prediction_id))
    for sha256 in pictures:
        connection.exec_driver_sql(
            "INSERT INTO questions (id, sha256, priority, created, is_none, is_withdrawn) "
            "SELECT lower(hex(randomblob(16))), ?, 3, max(created), 0, 0 FROM predictions",
            (sha256,),
        )
