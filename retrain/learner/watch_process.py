"""Starts the process in which production's predecessor answers, whenever a watch has images for it.

The learner loads no torch, so nothing here may.
"""

import logging
from functools import partial

from retrain.learner.resources import free_memory
from retrain.learner.retries import Retries
from retrain.learner.round_process import FENCED, FINISHED, STARVED, ChildProcess
from retrain.learner.settings import LearnerSettings
from retrain.watch.pages import is_due, next_page
from store.database.database import Database, now
from store.evidence.watch_images import add_images
from store.evidence.watches import Watch, current_watch, end_watch

log = logging.getLogger(__name__)

# Of a log in which nothing is new, at each look.
_MAX_PAGES = 100


class WatchProcess:
    """Holds the child in which the predecessor answers; there is one at most.

    It starts where enough images wait, and ends by itself when none comes for a while.

    Args:
        settings: The learner's.
    """

    def __init__(self, settings: LearnerSettings) -> None:
        self._settings = settings
        self._child: ChildProcess | None = None
        self._retries = self._new_retries()

    def supervise(self, database: Database, fencing: int) -> None:
        """Log how the child ended, or start one where images wait for it.

        Where it crashed three times in a row the watch ends, and production stays unconfirmed.
        """
        if not self._collect_ended_child():
            return
        watch = _waiting_watch(database, self._settings.watch_wait_seconds)
        if watch is None or not self._retries.may_begin(watch.id):
            return
        if self._retries.has_failed(watch.id):
            _give_up(database, watch)
        elif self._has_memory():
            priority = self._retries.priority(watch.id)
            self._child = ChildProcess(self._settings.watch_command, watch.id, fencing, priority)
            log.info("%s: %s answers as process %d", watch.version, watch.predecessor, self._child.pid)

    def end(self) -> None:
        """End the child at once, where one runs."""
        if self._child is not None:
            self._child.kill()
            self._child = None

    def _collect_ended_child(self) -> bool:
        """Note how the child ended, and drop it; return whether none runs now."""
        if self._child is None:
            return True
        status = self._child.exit_status()
        if status is None:
            return False
        number, self._child = self._child.number, None
        if status == FINISHED:
            self._retries = self._new_retries()
        elif status != FENCED:
            wait = self._retries.note(number, status)
            if status != STARVED:
                log.error("the watch: its process ended with status %s; the next waits %.0f s", status, wait)
        return True

    def _has_memory(self) -> bool:
        free = free_memory()
        # It trains nothing, so it needs less than a round.
        return free is None or free >= self._settings.min_free_bytes // 2

    def _new_retries(self) -> Retries:
        return Retries(self._settings.priority, self._settings.crash_wait_seconds)


def _waiting_watch(database: Database, wait_seconds: float) -> Watch | None:
    """Return the watch in force, where images wait that are worth a start of its child."""
    for _ in range(_MAX_PAGES):
        with database.read() as connection:
            watch = current_watch(connection)
            page = None if watch is None else next_page(connection, watch)
            moment = now(connection)
        if watch is None or page is None:
            return None
        if page.answers or page.is_last:
            return watch if is_due(page, moment, wait_seconds) else None
        # Only images that it knows: nothing of the page is for the predecessor.
        database.write(partial(add_images, watch=watch, images=(), read_until=page.read_until))
    return None


def _give_up(database: Database, watch: Watch) -> None:
    reason = (
        f"{watch.version} stays unconfirmed: {watch.predecessor}, which it is compared with, crashed three "
        "times in a row; the learner's log says why."
    )
    log.error("%s", reason)
    database.write(lambda c: end_watch(c, watch.id, "unconfirmed", reason))
