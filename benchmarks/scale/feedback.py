"""Feedback a second by the number of samples that are there."""

import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import uvloop

from benchmarks.serving.filling import fill, state_of
from benchmarks.serving.ingest import CONNECTIONS, feedback
from benchmarks.serving.load import closed_loop
from benchmarks.serving.pictures import numbered
from benchmarks.serving.servers import default_workers, ours

ROWS = (1_000, 10_000, 100_000, 1_000_000)


def by_rows(
    environment: Mapping[str, str], photographs: list[bytes], folder: Path, seconds: float
) -> list[dict[str, Any]]:
    """Return feedback a second and its latencies with ever more samples, 16 connections."""
    points = []
    for rows in ROWS:
        with state_of(environment) as state:
            fill(state, rows)
        contents = numbered(photographs, f"{rows} {time.time()}")
        with ours(environment, default_workers(), folder / "log") as server:
            send = feedback(server, [])
            uvloop.run(closed_loop(send, contents, connections=CONNECTIONS, seconds=4.0))
            answers = uvloop.run(closed_loop(send, contents, connections=CONNECTIONS, seconds=seconds))
        points.append(
            {
                "rows": rows,
                "per_second": round(answers.per_second, 1),
                "p50_ms": round(answers.percentile(50), 1),
                "p99_ms": round(answers.percentile(99), 1),
            }
        )
        print(points[-1], file=sys.stderr, flush=True)
    return points
