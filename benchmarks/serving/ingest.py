"""Feedback with images from sixteen connections, with few and with a million rows, and what a kill leaves."""

import argparse
import asyncio
import json
import os
import random
import signal
import sys
import tempfile
import time
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
from sqlalchemy import Connection, insert

from benchmarks.record import record
from benchmarks.serving.load import Answers, closed_loop
from benchmarks.serving.pictures import DEFAULT_FOLDER, numbered, read_photographs
from benchmarks.serving.servers import Server, default_workers, make_home, ours
from perennial.settings import Settings
from perennial.state import State, open_state
from store.near_duplicates import parts_of, tells_something
from store.samples import samples_by_id
from store.schema import labels, phash_parts, samples

CONNECTIONS = 16
_CHUNK = 20_000
_HASH_BITS, _SET_BITS = 64, 32


def main() -> None:
    """Measure; the last line printed is one JSON object."""
    arguments = _arguments()
    photographs = read_photographs(arguments.data)
    with tempfile.TemporaryDirectory(prefix="perennial-ingest-") as temporary:
        folder = Path(temporary)
        environment = make_home(folder, arguments.data) | {"PERENNIAL_LEARNER": "off"}
        few = _measure(environment, photographs, "few", arguments, folder, arguments.few)
        many = _measure(environment, photographs, "many", arguments, folder, arguments.many)
        killed = _kill(environment, photographs, arguments, folder)
    figures = {
        "feedback_per_second": few["per_second"],
        "feedback_per_second_1m": many["per_second"],
        "p99_ratio_1m_to_1k": round(many["p99_ms"] / few["p99_ms"], 2),
        "few": few,
        "many": many,
        "killed": killed,
    }
    record("ingest", figures, "make bench-ingest")
    print(json.dumps(figures))


def _measure(
    environment: dict[str, str],
    photographs: list[bytes],
    name: str,
    arguments: argparse.Namespace,
    folder: Path,
    num_rows: int,
) -> dict[str, Any]:
    with _state(environment) as state:
        num_filled = _fill(state, num_rows)
    with ours(environment, arguments.workers, folder / "log") as server:
        ask = _asking(server, [])
        contents = numbered(photographs, f"{name} {time.time()}")

        def load(seconds: float) -> Answers:
            return asyncio.run(closed_loop(ask, contents, connections=CONNECTIONS, seconds=seconds))

        load(arguments.warm_up)
        answers = load(arguments.seconds)
    figures = {
        "rows": num_filled,
        "per_second": round(answers.per_second, 1),
        "p50_ms": round(answers.percentile(50), 1),
        "p99_ms": round(answers.percentile(99), 1),
        "failed": answers.num_failed + answers.statuses[429],
    }
    print(f"{name}: {figures}", file=sys.stderr, flush=True)
    return figures


def _kill(
    environment: dict[str, str], photographs: list[bytes], arguments: argparse.Namespace, folder: Path
) -> dict[str, int]:
    """Kill the server in the middle of a load, and count what was acknowledged and is not there."""
    acknowledged: list[int] = []
    try:
        with ours(environment, arguments.workers, folder / "log") as server:
            asyncio.run(_load_and_kill(server, photographs, acknowledged))
    except ProcessLookupError:
        pass  # it is gone already, as intended
    with _state(environment) as state:
        with state.database.read() as connection:
            found = samples_by_id(connection, acknowledged)
        whole = [sample for sample in found if state.blobs.get(sample.sha256)]
    return {"acknowledged": len(acknowledged), "lost": len(set(acknowledged)) - len(whole)}


async def _load_and_kill(server: Server, photographs: list[bytes], acknowledged: list[int]) -> None:
    ask = _asking(server, acknowledged)
    contents = numbered(photographs, f"killed {time.time()}")
    loading = asyncio.create_task(closed_loop(ask, contents, connections=CONNECTIONS, seconds=8.0))
    while len(acknowledged) < 300:
        await asyncio.sleep(0.05)
    # BentoML's workers lead groups of their own.
    for pid in (server.pid, *server.workers()):
        os.kill(pid, signal.SIGKILL)
    await loading


def _asking(server: Server, acknowledged: list[int]) -> Any:
    async def ask(session: aiohttp.ClientSession, content: bytes) -> int:
        form = aiohttp.FormData()
        form.add_field("label", random.choice(("ants", "bees")))
        form.add_field("image", content, filename="photograph.jpg", content_type="image/jpeg")
        async with session.post(f"{server.url}/v1/feedback", data=form) as answer:
            body = await answer.json()
            if answer.status == 201:
                acknowledged.append(int(body["sample_id"]))
            return answer.status

    return ask


def _fill(state: State, num_rows: int) -> int:
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
        if tells_something(phash):
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


def _state(environment: dict[str, str]) -> Any:
    return open_state(Settings.load({"home": Path(environment["PERENNIAL_HOME"])}))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DEFAULT_FOLDER, help="an ImageFolder of photographs")
    parser.add_argument("--few", type=int, default=1000)
    parser.add_argument("--many", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--warm-up", type=float, default=5.0)
    parser.add_argument("--workers", type=int, default=default_workers())
    return parser.parse_args()


if __name__ == "__main__":
    main()
