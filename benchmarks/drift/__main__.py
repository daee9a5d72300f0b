"""How often drift is alarmed falsely, how soon truly: `make bench-drift SEED=n`, one line of JSON last."""

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from benchmarks.drift.pool import Pool, read_pool
from benchmarks.drift.streams import Stream, half_by_night, in_bursts, one_class, other_mix, repeated, steady
from monitoring.drift.monitor import DriftMonitor
from monitoring.drift.settings import AlarmSettings

DECLARED = 5000
_STEP = 50


@dataclass(frozen=True, slots=True)
class Run:
    """What happened on one stream."""

    alarms: tuple[int, ...]
    num_rows: int


def main() -> None:
    """Measure, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--streams", type=int, default=200, help="of each kind")
    given = parser.parse_args()
    pool = read_pool()
    for name, make in _CASES.items():
        runs = [
            _run(make(pool, np.random.default_rng([given.seed, number]))) for number in range(given.streams)
        ]
        alarms, rows = sum(len(run.alarms) for run in runs), sum(run.num_rows for run in runs)
        print(json.dumps({name: {"alarms": alarms, "rows": rows}}), flush=True)


_CASES: dict[str, Callable[[Pool, np.random.Generator], Stream]] = {
    "steady": steady,
    "repeated": repeated,
    "bursts": in_bursts,
    "night": half_by_night,
    "mix": other_mix,
    "one_class": one_class("tinted"),
}


def _run(stream: Stream) -> Run:
    monitor = DriftMonitor(stream.reference, 10, AlarmSettings(DECLARED), np.random.default_rng(0))
    alarms = []
    for start in range(0, len(stream.rows), _STEP):
        signal = monitor.observe(stream.rows.rows(slice(start, start + _STEP)))
        if signal is not None:
            alarms.append(signal.index)
    return Run(tuple(alarms), len(stream.rows))


if __name__ == "__main__":
    main()
