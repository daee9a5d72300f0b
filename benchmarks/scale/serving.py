"""Images a second by workers and batch, latency by load, and what one image costs in time and bytes."""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil
import uvloop

from benchmarks.serving.load import Answers, closed_loop, open_loop
from benchmarks.serving.pictures import numbered
from benchmarks.serving.servers import Server, default_workers, memory_mib, ours

CONNECTIONS = 16
WORKERS = (1, 2)
BATCHES = (1, 4, 16)
#: Shares of the rate at which the server is saturated.
LOADS = (0.25, 0.5, 0.75, 0.9, 1.0)


def throughput(
    environment: Mapping[str, str], photographs: list[bytes], folder: Path, seconds: float
) -> list[dict[str, Any]]:
    """Return images a second with each number of workers and each limit of a batch, 16 connections."""
    points = []
    for workers in WORKERS:
        for batch in BATCHES:
            settings = {**environment, "PERENNIAL_MAX_BATCH_IMAGES": str(batch)}
            contents = numbered(photographs, f"throughput {workers} {batch}")
            with ours(settings, workers, folder / "log") as server:
                _saturate(server, contents, 4.0)
                answers = _saturate(server, contents, seconds)
                points.append(
                    {
                        "workers": workers,
                        "max_batch": batch,
                        "images_per_second": round(answers.per_second, 1),
                        "p99_ms": round(answers.percentile(99), 1),
                        "memory_mib": round(memory_mib(server.pid)),
                    }
                )
            print(points[-1], file=sys.stderr, flush=True)
    return points


def latency(
    environment: Mapping[str, str], photographs: list[bytes], folder: Path, seconds: float
) -> dict[str, Any]:
    """Return the latencies at shares of the saturating load (Poisson arrivals), and the cost of an image."""
    contents = numbered(photographs, "latency")
    with ours(environment, default_workers(), folder / "log") as server:
        _saturate(server, contents, 4.0)
        size, spent = _bytes_on_disk(environment), _processor_seconds(server)
        best = _saturate(server, contents, seconds)
        spent = _processor_seconds(server) - spent
        runs = {share: _offer(server, contents, share * best.per_second, seconds) for share in LOADS}
    grown = {name: now - size[name] for name, now in _bytes_on_disk(environment).items()}
    num_images = sum(len(answers.latencies) for answers in (best, *runs.values()))
    return {
        "best_per_second": round(best.per_second, 1),
        "points": [
            {
                "load": share,
                "p50_ms": round(answers.percentile(50), 1),
                "p99_ms": round(answers.percentile(99), 1),
                "refused": answers.statuses[429],
            }
            for share, answers in runs.items()
        ],
        "processor_ms_per_image": round(1000 * spent / len(best.latencies), 2),
        "database_bytes_per_image": round(grown["database"] / num_images),
        "blob_bytes_per_image": round(grown["blobs"] / num_images),
    }


def _saturate(server: Server, contents: Iterator[bytes], seconds: float) -> Answers:
    return uvloop.run(closed_loop(server.send, contents, connections=CONNECTIONS, seconds=seconds))


def _offer(server: Server, contents: Iterator[bytes], per_second: float, seconds: float) -> Answers:
    num = round(per_second * seconds)
    return uvloop.run(open_loop(server.send, contents, per_second=per_second, until=lambda sent: sent >= num))


def _processor_seconds(server: Server) -> float:
    times = [psutil.Process(pid).cpu_times() for pid in (server.pid, *server.workers())]
    return float(sum(used.user + used.system for used in times))


def _bytes_on_disk(environment: Mapping[str, str]) -> dict[str, int]:
    home = Path(environment["PERENNIAL_HOME"])
    return {
        "database": sum(file.stat().st_size for file in home.glob("perennial.db*")),
        "blobs": sum(file.stat().st_size for file in home.glob("blobs/*/*") if "#" not in file.name),
    }
