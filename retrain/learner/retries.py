"""Decides when a round that did not finish is tried again, and with which priority."""

import time
from collections.abc import Callable

from retrain.learner.priority import Priority, next_priority
from retrain.learner.round_process import REPEATED, STARVED
from store.round_states import MAX_TRIES


class Retries:
    """What followed the tries of one round or watch, of the one that runs or ran last.

    After a crash the next try waits: what a machine lacks for a moment, such as memory, it lacks at once
    again. A round that starved begins anew at once, with a higher priority; one whose sample was deleted
    begins anew at once, too.

    Args:
        priority: Of a round's first try.
        wait_seconds: After a first crash; four times as long after a second.
        clock: Seconds that passed.
    """

    def __init__(
        self, priority: Priority, wait_seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._first_priority = priority
        self._wait_seconds = wait_seconds
        self._clock = clock
        self._round_id: int | None = None
        self._priority: Priority = priority
        self._num_crashes = 0
        self._not_before = clock()

    def note(self, round_id: int, status: int) -> float:
        """Note how a try ended; return the seconds until the next one may begin, or the round fails."""
        self._keep_to(round_id)
        wait = 0.0
        if status == STARVED:
            self._priority = next_priority(self._priority)
        elif status != REPEATED:
            self._num_crashes += 1
            # After its last try nothing is waited for: it fails.
            if self._num_crashes < MAX_TRIES:
                wait = self._wait_seconds * 4 ** (self._num_crashes - 1)
        self._not_before = self._clock() + wait
        return wait

    def may_begin(self, round_id: int) -> bool:
        """Return whether the next try may begin now."""
        self._keep_to(round_id)
        return self._clock() >= self._not_before

    def has_failed(self, round_id: int) -> bool:
        """Return whether it crashed as often as it may."""
        self._keep_to(round_id)
        return self._num_crashes >= MAX_TRIES

    def priority(self, round_id: int) -> Priority:
        """Return the priority of the next try."""
        self._keep_to(round_id)
        return self._priority

    def _keep_to(self, round_id: int) -> None:
        if round_id != self._round_id:
            self._round_id = round_id
            self._priority = self._first_priority
            self._num_crashes = 0
            self._not_before = self._clock()
