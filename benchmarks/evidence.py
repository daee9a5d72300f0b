"""Times what the learner and the status read of evidence, as it is after ten million logged predictions.

The log itself is not read there (tests/store/database/test_query_plans.py), so only what it leaves behind is
made up here: held-out images, and the questions about draws.
"""

import json
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from sqlalchemy import Connection, Table, insert

from benchmarks.record import record
from monitoring import summary
from retrain.learner.forecast import forecast
from store import registry
from store.database.chunks import chunks
from store.database.database import Database
from store.database.engine import sqlite_url
from store.database.migrate import migrate
from store.database.schema import held_out_images, questions
from store.evidence.held_out import HeldOutImage, held_out_since
from store.evidence.questions import answered_share, num_open, open_questions
from store.versions import NewVersion, add_version

NUM_LOGGED = 10_000_000
NUM_HELD_OUT = NUM_LOGGED // 5
NUM_DRAWS = NUM_LOGGED // 20
# A tenth of the held-out images judged a round, and a tenth of the draws were answered.
NUM_ROUNDS = 200
PAGE = 5000
_CHUNK = 20_000
_TIMES = 5


def main() -> None:
    """Fill a database, time the reads, and write the figures down; the last line printed is JSON."""
    with tempfile.TemporaryDirectory(prefix="perennial-evidence-") as folder:
        url = sqlite_url(Path(folder) / "perennial.db")
        migrate(url)
        database = Database(url)
        since = datetime.now(UTC) - timedelta(days=30)
        _fill(database, since)
        figures = _figures(database, since)
        database.close()
    record("evidence", figures, "make bench-evidence")
    print(json.dumps(figures))


def _figures(database: Database, since: datetime) -> dict[str, Any]:
    reads: dict[str, Callable[[Connection], object]] = {
        "forecast_seconds": forecast,
        "status_seconds": partial(summary.status, threshold=500),
        "queue_seconds": partial(open_questions, source="ann", limit=24),
        "num_open_seconds": num_open,
        "answered_share_seconds": partial(answered_share, since=since),
    }
    pages = _page_seconds(database, since)
    return {
        "num_held_out": NUM_HELD_OUT,
        "num_draws": NUM_DRAWS,
        **{
            name: round(median(_seconds(database, read) for _ in range(_TIMES)), 4)
            for name, read in reads.items()
        },
        "slowest_page_seconds": round(max(pages), 4),
        "all_pages_seconds": round(sum(pages), 2),
    }


def _page_seconds(database: Database, since: datetime) -> list[float]:
    """Return the seconds of each read in which a round pages through all images that may judge it."""
    seconds, last = list[float](), None
    while True:
        begun = time.perf_counter()
        with database.read() as connection:
            page: list[HeldOutImage] = held_out_since(connection, since, last, PAGE)
        seconds.append(time.perf_counter() - begun)
        if len(page) < PAGE:
            return seconds
        last = page[-1]


def _seconds(database: Database, read: Callable[[Connection], object]) -> float:
    begun = time.perf_counter()
    with database.read() as connection:
        read(connection)
    return time.perf_counter() - begun


def _fill(database: Database, since: datetime) -> None:
    rng = random.Random(0)

    def promote_first(connection: Connection) -> None:
        first = add_version(connection, NewVersion(("ants", "bees"), {"weights": "a" * 64}), [])
        registry.promote(connection, first.version, reason="first", actor="benchmark")

    database.write(promote_first)
    _insert(database, held_out_images, _held_out(rng, since))
    _insert(database, questions, _draws(rng, since))


def _insert(database: Database, table: Table, rows: Iterator[dict[str, Any]]) -> None:
    for number, chunk in enumerate(chunks(rows, _CHUNK)):
        database.write(lambda connection, chunk=chunk: connection.execute(insert(table), chunk) and None)  # type: ignore[misc]  # of a lambda with a default nothing is inferred
        if number % 10 == 0:
            print(f"{table.name}: {number * _CHUNK} rows", file=sys.stderr, flush=True)


def _held_out(rng: random.Random, since: datetime) -> Iterator[dict[str, Any]]:
    for number in range(NUM_HELD_OUT):
        seen = since + timedelta(days=30) * (number / NUM_HELD_OUT)
        yield {
            "sha256": f"{rng.getrandbits(256):064x}",
            "rank": rng.getrandbits(63),
            "source": f"camera {number % 7}",
            "group": None,
            "first_seen": seen,
            "last_seen": seen,
            "judged_in": rng.randrange(1, NUM_ROUNDS) if number % 10 == 0 else None,
        }


def _draws(rng: random.Random, since: datetime) -> Iterator[dict[str, Any]]:
    for number in range(NUM_DRAWS):
        asked = since + timedelta(days=30) * (number / NUM_DRAWS)
        yield {
            "id": f"{rng.getrandbits(128):032x}",
            "sha256": f"{rng.getrandbits(256):064x}",
            "priority": 0,
            "created": asked,
            "answered": asked if number % 10 == 0 else None,
            "answered_by": "ann" if number % 10 == 0 else None,
            "is_none": False,
            "is_withdrawn": False,
        }


if __name__ == "__main__":
    main()
