"""How often the gate and the watch err: `make bench-gate SEED=0,1,2`, one line of JSON for each seed."""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch

from benchmarks.gate.cases import CASES
from benchmarks.gate.figures import Figure
from benchmarks.gate.frontier import frontier
from benchmarks.record import record

_ROOT = Path(__file__).parents[2]
_NUM_PIECES = 8  # of a case's rounds, so that two processes end together
Figures = dict[str, dict[str, Figure]]


def main() -> None:
    """Measure, print a line for each seed, and record where there are several."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", default="0", help="one, or several with commas, which are recorded")
    parser.add_argument("--rounds", type=int, default=1000, help="simulated rounds of each case")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--before", default="212ce91", help="commit whose gate is measured beside")
    given = parser.parse_args()
    seeds = [int(seed) for seed in given.seed.split(",")]
    with ProcessPoolExecutor(given.processes, initializer=torch.set_num_threads, initargs=(1,)) as processes:
        runs = [_run(seed, given.rounds, processes) for seed in seeds]
        if len(seeds) == 1:
            return
        before = processes.submit(_before, given.before, seeds[0], given.rounds // 4)
        limits = processes.submit(frontier, given.rounds // 4, seeds[0])
        figures = {
            "rounds": given.rounds,
            "cases": {key: _recorded(key, runs) for key in CASES},
            "before": before.result(),
            "frontier": limits.result(),
        }
    record("gate", figures, f"make bench-gate SEED={given.seed}")


def _run(seed: int, num_rounds: int, processes: Executor) -> Figures:
    start = time.monotonic()
    figures = _measured(seed, num_rounds, processes)
    seconds = round(time.monotonic() - start)
    print(json.dumps({"seed": seed} | _line(figures) | {"seconds": seconds}), flush=True)
    return figures


def _measured(seed: int, num_rounds: int, processes: Executor) -> Figures:
    pieces = list(pieces_of(num_rounds))
    samples = processes.map(sampled, *zip(*((seed, *piece) for piece in pieces), strict=True))
    drawn: dict[tuple[str, str], list[float]] = {}
    for (key, name, _, _), piece in zip(pieces, samples, strict=True):
        drawn.setdefault((key, name), []).extend(piece)
    return {
        key: {name: case.measure(drawn[key, name]) for name in case.samples} for key, case in CASES.items()
    }


def pieces_of(num_rounds: int) -> Iterator[tuple[str, str, int, int]]:
    """Yield key, name, number and rounds of each piece of work."""
    for key, case in CASES.items():
        num = max(20, num_rounds // case.num_rounds)
        for name in case.samples:
            for number in range(_NUM_PIECES):
                # Together they are as many as asked for.
                yield key, name, number, num * (number + 1) // _NUM_PIECES - num * number // _NUM_PIECES


def sampled(seed: int, key: str, name: str, number: int, num: int) -> list[float]:
    """Return what so many rounds of a piece give; it repeats with its seed."""
    case = CASES[key]
    where = [list(CASES).index(key), list(case.samples).index(name), number]
    rng = np.random.default_rng([seed, *where])
    return [case.samples[name](rng) for _ in range(num)]


def _line(figures: Figures) -> dict[str, Any]:
    worst = {key: figures[key][case.worst(figures[key])] for key, case in CASES.items()}
    broken = [key for key in CASES if _is_broken(key, figures)]
    return {key: round(figure.value, 4) for key, figure in worst.items()} | {"broken": broken}


def _is_broken(key: str, figures: Figures) -> bool:
    case = CASES[key]
    return any(figure.breaks(case.bar, case.is_least) for figure in figures[key].values())


def _recorded(key: str, runs: list[Figures]) -> dict[str, Any]:
    case = CASES[key]
    values = [run[key][case.worst(run[key])].value for run in runs]
    return {
        "bar": case.bar,
        "is_least": case.is_least,
        "median": median(values),
        "worst": (min if case.is_least else max)(values),
        "is_broken": any(_is_broken(key, run) for run in runs),
        "by_seed": [{name: asdict(figure) for name, figure in run[key].items()} for run in runs],
    }


def _before(commit: str, seed: int, num_rounds: int) -> dict[str, Any]:
    """Return what the gate of an earlier commit does in the same situations."""
    with tempfile.TemporaryDirectory() as folder:
        archive = subprocess.run(["git", "archive", commit], cwd=_ROOT, capture_output=True, check=True)
        subprocess.run(["tar", "-x", "-C", folder], input=archive.stdout, check=True)
        command = [sys.executable, "-m", "benchmarks.gate.before", folder, str(num_rounds), str(seed)]
        answered = subprocess.run(command, cwd=_ROOT, capture_output=True, check=True, text=True)
    return {"commit": commit, "worst": json.loads(answered.stdout)}


if __name__ == "__main__":
    main()
