"""Fills a home with made-up samples, since a benchmark measures how their number slows it down."""

import random
import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from sqlalchemy import Connection, insert

from perennial.settings.settings import Settings
from perennial.state import open_state
from store.database.schema import labels, phash_parts, samples
from store.samples.near_duplicates import is_informative, parts_of
from store.state import State

_CHUNK = 20_000
_HASH_BITS, _SET_BITS = 64, 32


def state_of(environment: Mapping[str, str]) -> AbstractContextManager[State]:
    """Open the state of the home that an environment names."""
    return open_state(Settings.load({"home": Path(environment["PERENNIAL_HOME"])}))


def fill(state: State, num_rows: int) -> int:
    """Add samples that a version has seen until there are so many rows; no bytes."""
    rng = random.Random(num_rows)
    with state.database.read() as connection:
        last = int(connection.exec_driver_sql("SELECT coalesce(max(id), 0) FROM samples").scalar_one())
        known = int(connection.exec_driver_sql("SELECT count(*) FROM samples").scalar_one())
    for first in range(last + 1, last + 1 + max(0, num_rows - known), _CHUNK):
        ids = range(first, min(first + _CHUNK, last + 1 + num_rows - known))
        state.database.write(partial(_insert, ids=ids, rng=rng))
        if first // _CHUNK % 10 == 0:
            print(f"{ids.stop - 1} rows", file=sys.stderr, flush=True)
    return max(num_rows, known)


def _insert(connection: Connection, ids: range, rng: random.Random) -> None:
    created = datetime.now(UTC)
    rows, parts = [], []
    for number in ids:
        bits = sum(1 << bit for bit in rng.sample(range(_HASH_BITS), _SET_BITS))
        phash = bits - (1 << _HASH_BITS) if bits >> (_HASH_BITS - 1) else bits
        rows.append(
            {
                "id": number,
                "sha256": f"{rng.getrandbits(256):064x}",
                "phash": phash,
                "origin": "direct",
                "split": "train",
                "label": "ants",
                "state": "accepted",
                "source": "benchmark",
                "is_seen": True,
                "created": created,
            }
        )
        if is_informative(phash):
            parts += [{"sample_id": number, "part": part} for part in parts_of(phash)]
    connection.execute(insert(samples), rows)
    connection.execute(insert(phash_parts), parts)
    connection.execute(
        insert(labels),
        [
            {"sample_id": row["id"], "label": "ants", "source": "benchmark", "created": created}
            for row in rows
        ],
    )
