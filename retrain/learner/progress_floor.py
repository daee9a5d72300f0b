"""Sees to it that a round gets on, whatever else the machine does.

It looks from the beginning, while torch is still being loaded, so nothing here may load it.
"""

import logging
import os
import threading
import time
from collections.abc import Callable
from functools import partial

from retrain.journal import Journal
from retrain.learner.priority import Priority, next_priority, raise_priority
from retrain.learner.resources import seconds_waited
from retrain.learner.round_process import STARVED
from store.errors import StoreError

log = logging.getLogger(__name__)

_FLOOR_CORES = 0.2
_FLOOR_SECONDS = 120.0
_LOOK_SECONDS = 10.0


class ProgressFloor:
    """Raises a round's priority, a step at a time, when it got under a fifth of a core for two minutes.

    Only where it wanted more: a round that waits for its disk or for a GPU is left alone.

    Args:
        priority: The round's at first.
        on_starved: Called with the next priority and the cores that the round got; returns whether it has
            that priority now.
        clock: Seconds that passed.
        used: Seconds of processor time that this process used.
        waited: Seconds for which the first thread was ready and did not run; 0 where that is unknown.
    """

    def __init__(
        self,
        priority: Priority,
        on_starved: Callable[[Priority, float], bool],
        *,
        clock: Callable[[], float] = time.monotonic,
        used: Callable[[], float] = time.process_time,
        waited: Callable[[], float] = seconds_waited,
    ) -> None:
        self.priority = priority
        self._on_starved = on_starved
        self._meters = clock, used, waited
        self._since = self._read()

    def watch(self) -> None:
        """Look every 10 seconds, in a thread of its own, for as long as this process lives."""
        threading.Thread(target=self._keep_looking, name="progress-floor", daemon=True).start()

    def look(self) -> None:
        """Raise the priority where the last two minutes were under the floor."""
        now = self._read()
        seconds, used, waited = (after - before for after, before in zip(now, self._since, strict=True))
        if seconds < _FLOOR_SECONDS:
            return
        self._since = now
        cores = used / seconds
        if self.priority != "normal" and cores < _FLOOR_CORES and waited > used:
            above = next_priority(self.priority)
            if self._on_starved(above, cores):
                self.priority = above

    def _read(self) -> tuple[float, float, float]:
        clock, used, waited = self._meters
        return clock(), used(), waited()

    def _keep_looking(self) -> None:
        while self.priority != "normal":
            time.sleep(_LOOK_SECONDS)
            try:
                self.look()
            except StoreError as error:
                # The round itself meets it too, where it matters.
                log.warning("the priority could not be raised now: %s", error)


def watch_progress(journal: Journal, priority: Priority) -> ProgressFloor:
    """Watch over this process, which runs the journal's round with that priority."""
    floor = ProgressFloor(priority, partial(_raise, journal))
    floor.watch()
    return floor


def watch_answering(priority: Priority) -> ProgressFloor:
    """Watch over this process, in which the predecessor answers for a watch."""
    floor = ProgressFloor(priority, _raise_or_end)
    floor.watch()
    return floor


def _raise_or_end(priority: Priority, cores: float) -> bool:
    log.warning("the watch: it got %.2f of a core, so that its priority becomes %s", cores, priority)
    if not raise_priority(priority):
        os._exit(STARVED)
    return True


def _raise(journal: Journal, priority: Priority, cores: float) -> bool:
    """Raise this process's priority, or end it for the learner to begin again with a higher one."""
    why = f"it got {cores:.2f} of a core, where the floor is a fifth"
    log.warning("round %d: %s, so that its priority becomes %s", journal.round_id, why, priority)
    if raise_priority(priority):
        journal.note("priority", priority=priority, cores=round(cores, 3))
        return True
    journal.repeat(f"{why[0].upper()}{why[1:]}; with the priority {priority} it begins anew.")
    os._exit(STARVED)
