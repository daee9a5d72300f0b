"""What one stream showed: false alarms, the delay, and whether the explanation is true."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from benchmarks.drift.streams import Stream
from monitoring.drift.monitor import DriftMonitor, Signal

#: An explanation is made at the alarm, and again when so many more images came.
LATER = 200
# Rows that are looked at before and after a signal.
_RECENT = 800
_STEP = 10


@dataclass(frozen=True, slots=True)
class Named:
    """How true one explanation is.

    Attributes:
        kind: Whether what moved is named rightly.
        top_class: Whether the first class named is one that moved; None where no class in particular did.
        precision: The share of the witness images that are of the drifted kind.
        num_witnesses: How many there are.
        since_error: By how many rows the change is placed wrongly.
    """

    kind: bool
    top_class: bool | None
    precision: float
    num_witnesses: int
    since_error: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What happened on a stream.

    Attributes:
        false_alarms: Before the change, or at all where nothing changes.
        num_steady: Rows before it.
        delay: Rows from the change to the alarm, None where there was none.
        detector: Which saw it, with its window.
        at_once: The explanation at the alarm.
        later: The explanation 200 images later.
    """

    false_alarms: int
    num_steady: int
    delay: int | None = None
    detector: str = ""
    at_once: Named | None = None
    later: Named | None = None


def observe_steady(monitor: DriftMonitor, stream: Stream) -> Outcome:
    """Count the alarms on a stream in which nothing changes."""
    return Outcome(sum(1 for _ in _signals(monitor, stream, 0, len(stream.rows), 50)), len(stream.rows))


def observe_change(monitor: DriftMonitor, stream: Stream) -> Outcome:
    """Wait for the first alarm after the change, and look at its explanations."""
    false_alarms = sum(1 for _ in _signals(monitor, stream, 0, stream.start))
    signal = next(_signals(monitor, stream, stream.start, len(stream.rows)), None)
    if signal is None:
        return Outcome(false_alarms, stream.start)
    seen = signal.index + 1
    at_once = _named(monitor, signal, stream, seen)
    until = min(seen + LATER, len(stream.rows))
    monitor.observe(stream.rows.rows(slice(seen, until)))
    return Outcome(
        false_alarms,
        stream.start,
        delay=seen - stream.start,
        detector=f"{signal.detector} {signal.window}",
        at_once=at_once,
        later=_named(monitor, signal, stream, until),
    )


def _signals(
    monitor: DriftMonitor, stream: Stream, start: int, stop: int, step: int = _STEP
) -> Iterator[Signal]:
    for row in range(start, stop, step):
        signal = monitor.observe(stream.rows.rows(slice(row, min(row + step, stop))))
        if signal is not None:
            yield signal


def _named(monitor: DriftMonitor, signal: Signal, stream: Stream, seen: int) -> Named:
    first = max(0, signal.index + 1 - _RECENT)
    explanation = monitor.explain(signal, stream.rows.rows(slice(first, seen)))
    witness = first + np.array(explanation.witness)
    top_class = explanation.classes[0] in stream.classes if explanation.classes else False
    return Named(
        kind=explanation.kind == stream.kind,
        top_class=top_class if stream.classes else None,
        precision=float(stream.is_drifted[witness].mean()),
        num_witnesses=len(witness),
        since_error=abs(first + explanation.since - stream.start),
    )
