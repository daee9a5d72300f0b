"""Sends twice as many images as can be answered: is throughput kept, and the rest refused at once?"""

import argparse
import json
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import mean, median
from typing import Any

import numpy as np
import uvloop

from benchmarks.record import record
from benchmarks.serving.load import Answers, closed_loop, open_loop
from benchmarks.serving.pictures import DEFAULT_FOLDER, numbered, read_photographs
from benchmarks.serving.servers import Server, default_workers, make_home, memory_mib, ours

CONNECTIONS = 16
_BEST_SECONDS = 15.0


def main() -> None:
    """Measure; the last line printed is one JSON object."""
    arguments = _arguments()
    photographs = read_photographs(arguments.data)
    with tempfile.TemporaryDirectory(prefix="perennial-overload-") as temporary:
        folder = Path(temporary)
        environment = make_home(folder, arguments.data) | {"PERENNIAL_LEARNER": "off"}
        with ours(environment, default_workers(), folder / "log") as server:
            figures = _measure(server, numbered(photographs, "overload"), arguments)
    record("overload", figures, "make bench-overload")
    print(json.dumps(figures))


def _measure(server: Server, contents: Iterator[bytes], arguments: argparse.Namespace) -> dict[str, Any]:
    def saturate(seconds: float) -> Answers:
        return uvloop.run(closed_loop(server.send, contents, connections=CONNECTIONS, seconds=seconds))

    saturate(5.0)
    memory = memory_mib(server.pid)
    turns, best = [], saturate(_BEST_SECONDS).per_second
    for _ in range(arguments.repeats):
        turn = _turn(server, contents, best, arguments.seconds)
        # The machine's own speed wanders: each minute is compared with the best right before and after it.
        before_and_after = best, saturate(_BEST_SECONDS).per_second
        best = before_and_after[1]
        turn["best_per_second"] = [round(each, 1) for each in before_and_after]
        turn["throughput_kept"] = round(turn["answered_per_second"] / mean(before_and_after), 3)
        print(turn, file=sys.stderr, flush=True)
        turns.append(turn)
    return {
        "throughput_kept": round(median(turn["throughput_kept"] for turn in turns), 3),
        "failed": sum(turn["failed"] for turn in turns),
        "refusal_p50_ms": median(turn["refusal_p50_ms"] for turn in turns),
        "memory_mib_before": round(memory),
        "memory_mib_highest": max(turn["memory_mib_highest"] for turn in turns),
        "turns": turns,
    }


def _turn(server: Server, contents: Iterator[bytes], best: float, seconds: float) -> dict[str, Any]:
    """Send twice the best number of images a second, and return the figures."""
    with _memory(server) as memory:
        num = round(2 * best * seconds)
        answers = uvloop.run(
            open_loop(server.send, contents, per_second=2 * best, until=lambda sent: sent >= num)
        )
    return {
        "answered_per_second": round(answers.per_second, 1),
        "answered": answers.statuses[200],
        "refused": answers.statuses[429],
        "failed": answers.num_failed,
        "p50_ms": round(answers.percentile(50), 1),
        "p99_ms": round(answers.percentile(99), 1),
        "refusal_p50_ms": round(float(np.percentile(answers.refusals, 50)) * 1000, 1),
        "refusal_p99_ms": round(float(np.percentile(answers.refusals, 99)) * 1000, 1),
        "memory_mib_highest": round(max(memory)),
    }


@contextmanager
def _memory(server: Server) -> Iterator[list[float]]:
    """Yield the server's memory in MiB, read once a second while the block runs."""
    readings, is_over = [memory_mib(server.pid)], threading.Event()

    def read() -> None:
        while not is_over.wait(1.0):
            readings.append(memory_mib(server.pid))

    reader = threading.Thread(target=read)
    reader.start()
    try:
        yield readings
    finally:
        is_over.set()
        reader.join()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DEFAULT_FOLDER, help="an ImageFolder of photographs")
    parser.add_argument("--seconds", type=float, default=60.0, help="of each turn at twice the load")
    parser.add_argument("--repeats", type=int, default=5)
    return parser.parse_args()


if __name__ == "__main__":
    main()
