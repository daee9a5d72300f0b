"""Runs cases against a server under load, and checks that all is as before after each of them."""

import hashlib
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from benchmarks.faults.load import Load, seconds_until_served
from benchmarks.serving.servers import Server
from store.errors import StoreError
from store.samples.samples import samples_by_id
from store.state import State

RECOVERY_SECONDS = 15.0
_LIMIT_SECONDS = 120.0
_WHOLE = 0.85
_MORE_MEMORY, _MORE_BYTES, _MORE_DESCRIPTORS = 1.25, 128 * 2**20, 32


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one case.

    Attributes:
        recovery_s: From the end of the fault until predictions and labels are served again.
        acknowledged: Labels that were answered with 201 meanwhile.
        lost: Those of them that are not in the store, whole.
        slowest_label_s: The longest that a label waited for an answer, whatever it was.
        problems: What was not as it must be; empty where the case passed.
    """

    name: str
    recovery_s: float
    acknowledged: int
    lost: int
    slowest_label_s: float
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Usage:
    """What the server's processes hold."""

    num_bytes: int
    num_descriptors: int

    @classmethod
    def of(cls, pid: int) -> "Usage":
        """Return what a process and its descendants hold now."""
        num_bytes = num_descriptors = 0
        server = psutil.Process(pid)
        for process in (server, *server.children(recursive=True)):
            try:
                num_bytes += process.memory_info().rss
                num_descriptors += process.num_fds()
            except psutil.Error:
                continue
        return cls(num_bytes, num_descriptors)

    def is_like(self, before: "Usage") -> bool:
        """Return whether this is what was held before, with room for caches and pools."""
        return (
            self.num_bytes <= before.num_bytes * _MORE_MEMORY + _MORE_BYTES
            and self.num_descriptors <= before.num_descriptors + _MORE_DESCRIPTORS
        )


class Campaign:
    """The cases of one server, one after the other."""

    def __init__(self, server: Server, state: State) -> None:
        self._server = server
        self._state = state
        self.outcomes: list[Outcome] = []
        seconds_until_served(server.url, _LIMIT_SECONDS)
        # Of the whole campaign, so that a little more after each case is noticed too.
        self._before = Usage.of(server.pid)

    def run(
        self,
        name: str,
        fault: Callable[[], str | None],
        *,
        predictions_go_on: bool = True,
        limit_label_seconds: float = RECOVERY_SECONDS,
    ) -> None:
        """Run one case: load, the fault, its end, and the checks.

        Args:
            name: Of the case.
            fault: Does it and undoes it; returns what it found wrong.
            predictions_go_on: Whether predictions must be answered all the time.
            limit_label_seconds: How long a label may wait for its answer, whatever that is.
        """
        url = self._server.url
        self._wait_until_whole()
        with Load(url) as load:
            found = fault()
            recovery = seconds_until_served(url, _LIMIT_SECONDS)
        problems = [] if found is None else [found]
        if recovery is None or recovery > RECOVERY_SECONDS:
            problems.append(f"served after {recovery or _LIMIT_SECONDS:.1f} s")
        wrong = {status for status in (load.predictions | load.labels) if status >= 500 and status != 503}
        if wrong:
            problems.append(f"answers of {wrong}")
        if predictions_go_on and set(load.predictions) - {200, 429}:
            problems.append(f"predictions were answered {dict(load.predictions)}")
        if load.slowest_label_seconds > limit_label_seconds:
            problems.append(f"a label waited {load.slowest_label_seconds:.1f} s")
        lost = self._num_lost(load.acknowledged)
        if lost:
            problems.append(f"{lost} acknowledged labels are lost")
        problems += self._leaks()
        self.outcomes.append(
            Outcome(
                name,
                round(_LIMIT_SECONDS if recovery is None else recovery, 1),
                len(load.acknowledged),
                lost,
                round(load.slowest_label_seconds, 1),
                tuple(problems),
            )
        )
        print(asdict(self.outcomes[-1]), file=sys.stderr, flush=True)

    def _wait_until_whole(self) -> None:
        """Wait until the processes that the last case killed have loaded again what they need."""
        until = time.monotonic() + _LIMIT_SECONDS
        while time.monotonic() < until:
            if Usage.of(self._server.pid).num_bytes >= _WHOLE * self._before.num_bytes:
                break
            time.sleep(0.5)
        seconds_until_served(self._server.url, _LIMIT_SECONDS)

    def _leaks(self) -> list[str]:
        until = time.monotonic() + RECOVERY_SECONDS
        while not (usage := Usage.of(self._server.pid)).is_like(self._before):
            if time.monotonic() > until:
                return [f"{usage} are held, {self._before} were before"]
            time.sleep(0.5)
        return []

    def _num_lost(self, acknowledged: dict[int, str]) -> int:
        with self._state.database.read() as connection:
            stored = {sample.id: sample.sha256 for sample in samples_by_id(connection, acknowledged)}
        return sum(
            stored.get(number) != sha256 or not self._is_whole(sha256)
            for number, sha256 in acknowledged.items()
        )

    def _is_whole(self, sha256: str) -> bool:
        try:
            return hashlib.sha256(self._state.blobs.get(sha256)).hexdigest() == sha256
        except StoreError:
            return False


def summary(outcomes: list[Outcome]) -> dict[str, object]:
    """Return the figures of a campaign."""
    return {
        "cases": len(outcomes),
        "failed": sum(bool(outcome.problems) for outcome in outcomes),
        "lost": sum(outcome.lost for outcome in outcomes),
        "slowest_recovery_s": max((outcome.recovery_s for outcome in outcomes), default=0.0),
    }


def home_of(environment: dict[str, str]) -> Path:
    """Return the home that an environment names."""
    return Path(environment["PERENNIAL_HOME"])
