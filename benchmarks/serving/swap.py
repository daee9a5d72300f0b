"""Twenty promotions in ten thousand requests at half load: is one lost, slowed or answered wrongly?"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import uvloop

from benchmarks.record import record
from benchmarks.serving.connections import Connections
from benchmarks.serving.load import closed_loop, open_loop
from benchmarks.serving.pictures import DEFAULT_FOLDER, numbered, read_photographs
from benchmarks.serving.servers import Server, default_workers, make_home, memory_mib, ours, run_perennial

CONNECTIONS = 16
# Seconds before and after a promotion that count as beside it.
_BESIDE = 3.0
_TOLERANCE = 2e-3


@dataclass
class Answered:
    """One answer.

    Attributes:
        begun: When the request was sent, on the monotonic clock.
        seconds: From request to answer.
        photograph: Its number.
    """

    begun: float
    seconds: float
    photograph: int
    version: str
    confidence: float


@dataclass
class Watch:
    """All answers of a run, and what failed.

    Attributes:
        failures: How many of each kind: a status, or what broke.
        num_asked_again: Requests that met a closing connection, and were sent once more.
    """

    answers: list[Answered] = field(default_factory=list)
    failures: Counter[str] = field(default_factory=Counter)
    num_asked_again: int = 0


def main() -> None:
    """Measure; the last line printed is one JSON object."""
    arguments = _arguments()
    photographs = read_photographs(arguments.data)
    with tempfile.TemporaryDirectory(prefix="perennial-swap-") as temporary:
        folder = Path(temporary)
        environment = make_home(folder, arguments.data)
        run_perennial(
            environment,
            *("train", str(arguments.data), "--weights", "bundled", "--image-size", "224"),
            *("--strategy", "linear_probe", "--seed", "1"),
        )
        with ours(environment | {"PERENNIAL_LEARNER": "off"}, arguments.workers, folder / "log") as server:
            figures = uvloop.run(_measure(server, photographs, arguments))
    record("swap", figures, "make bench-swap")
    print(json.dumps(figures))


async def _measure(server: Server, photographs: list[bytes], arguments: argparse.Namespace) -> dict[str, Any]:
    async with aiohttp.ClientSession(server.url) as session:
        models = (await (await session.get("/v1/models")).json())["models"]
        versions = [model["version"] for model in models[:2]]
        known = {version: await _confidences(session, version, photographs) for version in versions}
        full = await closed_loop(
            server.send, numbered(photographs, "full"), connections=CONNECTIONS, seconds=arguments.seconds
        )
        rate = full.per_second / 2
        _print_progress(f"{full.per_second:.0f} images a second when saturated; half of that from now on")
        before = memory_mib(server.pid)
        watch, moments, waits = Watch(), list[float](), list[float]()
        loading = asyncio.create_task(_load(server, photographs, rate, arguments.requests, watch))
        pause = arguments.requests / rate / (arguments.promotions + 1)
        for number in range(arguments.promotions):
            await asyncio.sleep(pause)
            moments.append(time.perf_counter())
            waits.append(await _promote(session, versions[number % 2]))
        await loading
    growth = memory_mib(server.pid) - before
    wrong = sum(
        abs(answer.confidence - known[answer.version][answer.photograph]) > _TOLERANCE
        for answer in watch.answers
    )
    beside, alone = _latencies(watch, moments)
    return {
        "requests": len(watch.answers) + watch.failures.total(),
        "failed": watch.failures.total(),
        "failures": dict(watch.failures),
        "asked_again": watch.num_asked_again,
        "promotions": len(moments),
        "p99_ratio": round(float(np.percentile(beside, 99) / np.percentile(alone, 99)), 2),
        "p99_ms_beside": round(1000 * float(np.percentile(beside, 99)), 1),
        "p99_ms_alone": round(1000 * float(np.percentile(alone, 99)), 1),
        "seconds_to_all_workers": round(max(waits), 2),
        "mixed_batches": int(wrong),
        "rss_growth_mib": round(growth, 1),
        "images_per_second": round(rate, 1),
    }


async def _confidences(session: aiohttp.ClientSession, version: str, photographs: list[bytes]) -> list[float]:
    """Return a version's confidence for each photograph; a batch of two versions would give another one."""
    await _promote(session, version)
    confidences = []
    for photograph in photographs:
        async with session.post(
            "/v1/predict", data=photograph, headers={"content-type": "image/jpeg"}
        ) as answer:
            confidences.append(float((await answer.json())["confidence"]))
    return confidences


async def _promote(session: aiohttp.ClientSession, version: str) -> float:
    """Promote and return the seconds until every worker serves the version."""
    async with session.post(f"/v1/models/{version}/promote", json={}) as answer:
        if answer.status != 200:
            raise SystemExit(f"The promotion was refused: {answer.status} {await answer.text()}")
    begun = datetime.now().astimezone()
    for _ in range(200):
        workers = (await (await session.get("/v1/status")).json())["workers"]
        if workers and all(worker["version"] == version for worker in workers):
            since = max(datetime.fromisoformat(worker["since"]) for worker in workers)
            return (since - begun).total_seconds()
        # The workers report when they began; each request for the status costs the server 5 ms.
        await asyncio.sleep(0.3)
    raise SystemExit(f"Not every worker serves {version} after a minute.")


async def _load(server: Server, photographs: list[bytes], rate: float, num: int, watch: Watch) -> None:
    number = iter(range(num + 1))

    async def send(connections: Connections, content: bytes) -> int:
        photograph, begun = next(number) % len(photographs), time.perf_counter()
        try:
            reply = await connections.post(f"{server.url}/v1/predict", "image/jpeg", content)
            seconds = time.perf_counter() - begun
            body = reply.json()
        except (OSError, ValueError) as error:
            watch.failures[f"{type(error).__name__}: {error}"] += 1
            return 0
        finally:
            watch.num_asked_again = connections.num_asked_again
        if reply.status != 200:
            watch.failures[f"status {reply.status}"] += 1
            return reply.status
        watch.answers.append(
            Answered(begun, seconds, photograph, body["model_version"], float(body["confidence"]))
        )
        return 200

    contents: Iterator[bytes] = numbered(photographs, "swap")
    await open_loop(send, contents, per_second=rate, until=lambda sent: sent >= num)


def _latencies(watch: Watch, moments: list[float]) -> tuple[list[float], list[float]]:
    """Return the seconds of answers near a promotion, and of the others."""
    beside: list[float] = []
    alone: list[float] = []
    for answer in watch.answers:
        is_beside = any(-1.0 < answer.begun - moment < _BESIDE for moment in moments)
        (beside if is_beside else alone).append(answer.seconds)
    return beside, alone


def _print_progress(message: str) -> None:
    print(f"[{time.strftime('%H:%M:%S')}] {message}", file=sys.stderr, flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DEFAULT_FOLDER, help="an ImageFolder of photographs")
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--promotions", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=10.0, help="of the measurement of full load")
    parser.add_argument("--workers", type=int, default=default_workers())
    return parser.parse_args()


if __name__ == "__main__":
    main()
