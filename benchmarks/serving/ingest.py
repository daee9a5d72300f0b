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
from pathlib import Path
from typing import Any

import uvloop

from benchmarks.record import record
from benchmarks.serving.connections import FORM, Connections, form_of
from benchmarks.serving.filling import fill, state_of
from benchmarks.serving.load import Answers, Send, closed_loop
from benchmarks.serving.pictures import DEFAULT_FOLDER, numbered, read_photographs
from benchmarks.serving.servers import Server, default_workers, make_home, ours
from store.samples.samples import samples_by_id

CONNECTIONS = 16


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
    with state_of(environment) as state:
        num_filled = fill(state, num_rows)
    with ours(environment, arguments.workers, folder / "log") as server:
        send = feedback(server, [])
        contents = numbered(photographs, f"{name} {time.time()}")

        def load(seconds: float) -> Answers:
            return uvloop.run(closed_loop(send, contents, connections=CONNECTIONS, seconds=seconds))

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
    """Kill the server in the middle of a load, and count acknowledged samples that are lost."""
    acknowledged: list[int] = []
    try:
        with ours(environment, arguments.workers, folder / "log") as server:
            uvloop.run(_load_and_kill(server, photographs, acknowledged))
    except ProcessLookupError:
        pass  # it was killed, as intended
    with state_of(environment) as state:
        with state.database.read() as connection:
            stored = samples_by_id(connection, acknowledged)
        intact = [sample for sample in stored if state.blobs.get(sample.sha256)]
    return {"acknowledged": len(acknowledged), "lost": len(set(acknowledged)) - len(intact)}


async def _load_and_kill(server: Server, photographs: list[bytes], acknowledged: list[int]) -> None:
    send = feedback(server, acknowledged)
    contents = numbered(photographs, f"killed {time.time()}")
    loading = asyncio.create_task(closed_loop(send, contents, connections=CONNECTIONS, seconds=8.0))
    while len(acknowledged) < 300:
        await asyncio.sleep(0.05)
    # BentoML's workers lead groups of their own.
    for pid in (server.pid, *server.workers()):
        os.kill(pid, signal.SIGKILL)
    await loading


def feedback(server: Server, acknowledged: list[int]) -> Send:
    """Return a function that sends an image with a label and notes the id of each acknowledged sample."""

    async def send(connections: Connections, content: bytes) -> int:
        form = form_of({"label": random.choice(("ants", "bees"))}, "image", content)
        reply = await connections.post(f"{server.url}/v1/feedback", FORM, *form)
        if reply.status == 201:
            acknowledged.append(int(reply.json()["sample_id"]))
        return reply.status

    return send


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
