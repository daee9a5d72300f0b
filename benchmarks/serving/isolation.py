"""Serving beside a round: throughput kept when saturated, latency at half load, and what the round pays.

The round trains all the while; in the blocks without it, its process is stopped by a signal.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import psutil
import uvloop

from benchmarks.record import record
from benchmarks.serving.load import Answers, closed_loop, open_loop
from benchmarks.serving.pictures import DEFAULT_FOLDER, numbered, read_photographs
from benchmarks.serving.servers import ROOT, Server, default_workers, make_home, ours
from retrain.learner.resources import MAX_REST_SECONDS

CONNECTIONS = 16


def main() -> None:
    """Measure; the last line printed is one JSON object."""
    arguments = _arguments()
    photographs = read_photographs(arguments.data)
    with tempfile.TemporaryDirectory(prefix="perennial-isolation-") as temporary:
        folder = Path(temporary)
        environment = make_home(folder, arguments.data)
        with (
            ours(environment | {"PERENNIAL_LEARNER": "off"}, arguments.workers, folder / "log") as server,
            _round(environment, arguments.data, folder / "round.log") as training,
        ):
            figures = _measure(server, training, numbered(photographs, "isolation"), arguments)
    record("isolation", figures, "make bench-isolation")
    print(json.dumps(figures))


class Training:
    """The round's process, which can be stopped and continued."""

    def __init__(self, process: psutil.Process) -> None:
        self._process = process

    def stop(self) -> None:
        """Stop it where it is."""
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Continue it."""
        self._process.send_signal(signal.SIGCONT)

    def seconds(self) -> float:
        """Return the processor time that it has used."""
        times = self._process.cpu_times()
        return float(times.user + times.system)


def _measure(
    server: Server, training: Training, contents: Iterator[bytes], arguments: argparse.Namespace
) -> dict[str, Any]:
    def saturate(seconds: float) -> Answers:
        return uvloop.run(closed_loop(server.send, contents, connections=CONNECTIONS, seconds=seconds))

    saturate(5.0)
    # The round may still rest from that.
    time.sleep(MAX_REST_SECONDS + 1)
    alone_rate = _rate(training, lambda: time.sleep(arguments.seconds), arguments.seconds)
    kept, ratios, slowdowns, failed, num_beside = [], [], [], 0, 0
    blocks: list[dict[str, float]] = []
    for _ in range(arguments.blocks):
        training.stop()
        alone = saturate(arguments.seconds)
        rate = alone.per_second / 2
        num = round(arguments.requests / arguments.blocks)

        def half_load(rate: float = rate, num: int = num) -> Answers:
            return uvloop.run(
                open_loop(server.send, contents, per_second=rate, until=lambda sent: sent >= num)
            )

        quiet = half_load()
        training.resume()
        beside = saturate(arguments.seconds)
        begun, used = time.perf_counter(), training.seconds()
        busy = half_load()
        busy_rate = (training.seconds() - used) / (time.perf_counter() - begun)
        kept.append(beside.per_second / alone.per_second)
        ratios.append(busy.percentile(99) / quiet.percentile(99))
        slowdowns.append(alone_rate / busy_rate)
        for answers in (alone, quiet, beside, busy):
            failed += answers.num_failed + answers.statuses[429]
        num_beside += len(busy.latencies)
        blocks.append(
            {
                "saturated_alone": round(alone.per_second, 1),
                "saturated_beside": round(beside.per_second, 1),
                "p99_ms_alone": round(quiet.percentile(99), 1),
                "p99_ms_beside": round(busy.percentile(99), 1),
                "round_cores_beside": round(busy_rate, 2),
            }
        )
        print(blocks[-1], file=sys.stderr, flush=True)
    return {
        "throughput_kept": round(median(kept), 3),
        "p99_ratio": round(median(ratios), 2),
        "round_slowdown": round(median(slowdowns), 2),
        "failed": failed,
        "requests_beside_at_half_load": num_beside,
        "round_cores_alone": round(alone_rate, 2),
        "blocks": blocks,
    }


def _rate(training: Training, work: Callable[[], None], seconds: float) -> float:
    used = training.seconds()
    work()
    return (training.seconds() - used) / seconds


@contextmanager
def _round(environment: dict[str, str], images: Path, log: Path) -> Iterator[Training]:
    """Run a round's training on 500 new and 500 replayed samples, again and again, as the learner runs it."""
    command = [sys.executable, "-m", "benchmarks.serving.training", "--data", str(images)]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=output,
            start_new_session=True,
            cwd=ROOT,
        )
    try:
        if process.stdout is None or process.stdout.readline() != b"training\n":
            raise SystemExit(f"The round did not begin:\n{log.read_text()[-4000:]}")
        yield Training(psutil.Process(process.pid))
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DEFAULT_FOLDER, help="an ImageFolder of photographs")
    parser.add_argument("--requests", type=int, default=3000, help="at half load beside the round, in all")
    parser.add_argument("--blocks", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=10.0, help="of each saturated block")
    parser.add_argument("--workers", type=int, default=default_workers())
    return parser.parse_args()


if __name__ == "__main__":
    main()
