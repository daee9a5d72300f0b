"""How often drift is alarmed falsely, how soon truly: `make bench-drift SEED=n`, one line of JSON last."""

import argparse
import copy
import json
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.drift.errors import ErrorOutcome, observe_errors
from benchmarks.drift.figures import change_figures, error_figures, steady_figures
from benchmarks.drift.outcomes import Outcome, observe_change, observe_steady
from benchmarks.drift.pool import Pool, read_pool
from benchmarks.drift.streams import Stream, half_by_night, in_bursts, one_class, other_mix, repeated, steady
from benchmarks.record import record
from monitoring.drift.monitor import DriftMonitor
from monitoring.drift.settings import AlarmSettings

DECLARED = 5000
_NUM_STREAMS = 200
# With fewer the intervals say hardly anything.
_FEWEST_RECORDED = 20
_STEADY_LABELS = 15_000
_PIECES = 10
_STEADY: dict[str, Callable[[Pool, np.random.Generator], Stream]] = {
    "steady": steady,
    "repeated": repeated,
    "bursts": in_bursts,
}
_CHANGES: dict[str, tuple[Callable[[Pool, np.random.Generator], Stream], int]] = {
    "night_in_half": (half_by_night, 300),
    "half_of_two_classes": (other_mix, 300),
    "one_class_by_night": (one_class("night"), 1500),
    "one_class_tinted": (one_class("tinted"), 1500),
}


@dataclass(frozen=True, slots=True)
class Measured:
    """What one reference, and a stream of each kind against it, showed."""

    outcomes: dict[str, Outcome]
    errors: ErrorOutcome
    calibration_seconds: float
    seconds_per_1000: float


def main() -> None:
    """Measure, print the figures in one line, and record them where there are enough streams."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--streams", type=int, default=_NUM_STREAMS, help="of each kind")
    parser.add_argument("--processes", type=int, default=2)
    given = parser.parse_args()
    pool = read_pool()
    pieces = [range(start, given.streams, _PIECES) for start in range(min(_PIECES, given.streams))]
    with ProcessPoolExecutor(given.processes) as processes:
        parts = list(processes.map(measure, [pool] * len(pieces), [given.seed] * len(pieces), pieces))
    figures = _figures(pool, [each for part in parts for each in part])
    if given.streams >= _FEWEST_RECORDED:
        asked = "" if given.streams == _NUM_STREAMS else f" STREAMS={given.streams}"
        record("drift", figures, f"make bench-drift SEED={given.seed}{asked}")
    print(json.dumps(figures["headline"]))


def measure(pool: Pool, seed: int, numbers: range) -> list[Measured]:
    """Return what these numbers' references and streams show; a number repeats with its seed."""
    return [_measure(pool, [seed, number]) for number in numbers]


def _measure(pool: Pool, seed: list[int]) -> Measured:
    def made(make: Callable[[Pool, np.random.Generator], Stream]) -> Stream:
        # Each kind begins with the same draw, which is the reference.
        return make(pool, np.random.default_rng(seed))

    begun = time.process_time()
    reference = made(steady).reference
    # Half as many paths as the product: an error of a threshold evens out over the references.
    settings = AlarmSettings(DECLARED, num_paths=AlarmSettings().num_paths // 2)
    monitor = DriftMonitor(reference, pool.num_classes, settings, np.random.default_rng(seed))
    calibrated = time.process_time()
    outcomes = {name: observe_steady(copy.deepcopy(monitor), made(make)) for name, make in _STEADY.items()}
    for name, (make, _) in _CHANGES.items():
        outcomes[name] = observe_change(copy.deepcopy(monitor), made(make))
    return Measured(
        outcomes,
        observe_errors(np.random.default_rng([*seed, 1])),
        calibrated - begun,
        _seconds_per_1000(monitor, made(steady)),
    )


def _seconds_per_1000(monitor: DriftMonitor, stream: Stream) -> float:
    """Return the CPU time of 1,000 predictions in the learner's steps of 100."""
    begun = time.process_time()
    for start in range(0, 1000, 100):
        monitor.observe(stream.rows.rows(slice(start, start + 100)))
    return time.process_time() - begun


def _figures(pool: Pool, measured: list[Measured]) -> dict[str, Any]:
    def outcomes(name: str) -> list[Outcome]:
        return [each.outcomes[name] for each in measured]

    day = pool.variants["day"]
    figures: dict[str, Any] = {
        "declared_images": DECLARED,
        "accuracy": round(float((day.labels == pool.classes).mean()), 3),
        "photographs": len(pool.classes),
        **{name: steady_figures(outcomes(name), DECLARED) for name in _STEADY},
        **{name: change_figures(outcomes(name), within) for name, (_, within) in _CHANGES.items()},
        "errors": error_figures([each.errors for each in measured], _STEADY_LABELS),
        "calibration_seconds": round(float(np.median([each.calibration_seconds for each in measured])), 2),
    }
    seconds = float(np.median([each.seconds_per_1000 for each in measured]))
    return {"headline": _headline(figures) | {"seconds_per_1000_predictions": round(seconds, 4)}, **figures}


def _headline(figures: dict[str, Any]) -> dict[str, Any]:
    """Return the worst of each figure over the kinds of streams that it is asked of.

    Explanations count as they are 200 images after the alarm; `_at_once` as they are with it.
    """

    def worst(names: list[str], figure: str, when: str) -> float:
        return float(min(figures[name][when][figure] for name in names))

    changes = ["night_in_half", "half_of_two_classes", "one_class_by_night"]
    asked = {"kind_named": changes, "precision_at_20": changes, "class_named_top1": changes[1:]}
    return {
        "false_alarms_per_declared": figures["steady"]["false_alarms_per_declared"],
        "false_alarms_repeated": figures["repeated"]["false_alarms_per_declared"],
        "false_alarms_bursts": figures["bursts"]["false_alarms_per_declared"],
        "detected_at_300": min(figures[name]["detected_at_300"] for name in changes[:2]),
        "detected_at_1500_class": figures["one_class_by_night"]["detected_at_1500"],
        "delay_10_to_20_median": figures["errors"]["delay_10_to_20_median"],
        **{figure: worst(names, figure, "later") for figure, names in asked.items()},
        **{f"{figure}_at_once": worst(names, figure, "at_once") for figure, names in asked.items()},
    }


if __name__ == "__main__":
    main()
