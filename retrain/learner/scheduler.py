"""The learner: one process that keeps the clock, holds the lease, and starts its children."""

import logging
import random
import signal
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from types import FrameType
from typing import Any

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from monitoring.drift.measurement import DriftSettings
from monitoring.errors import MonitoringError
from retrain.alarms.errors import ErrorWatcher
from retrain.alarms.images import ImageWatcher
from retrain.learner import jobs
from retrain.learner.fenced_database import FencedDatabase
from retrain.learner.notifying import send_messages, store_messages
from retrain.learner.resources import free_memory
from retrain.learner.retries import Retries
from retrain.learner.round_process import CRASHED, FENCED, FINISHED, REPEATED, STARVED, ChildProcess
from retrain.learner.settings import LearnerSettings
from retrain.learner.watch_process import WatchProcess
from retrain.trial import follow_trial
from retrain.watch.look import look
from store import leases
from store.blobs.blob_store import BlobStore
from store.database.database import Database
from store.errors import DatabaseUnavailableError, FencedError
from store.round_states import WAITING
from store.rounds import progress
from store.rounds.log import add_step
from store.rounds.records import Round, current_round, find_round

log = logging.getLogger(__name__)

_RENEWALS = 3


class Learner:
    """Runs until it is stopped. Without the lease it stands by and tries for it again and again.

    Every write, its child's too, carries the fencing number of the lease: a learner that has lost its lease
    writes nothing more.

    Args:
        database: The store's; its clock is the lease's.
        blobs: Where the bytes lie.
        settings: How it keeps time.
    """

    def __init__(self, database: Database, blobs: BlobStore, settings: LearnerSettings) -> None:
        self._database = database
        self._blobs = blobs
        self._settings = settings
        self._stopped = threading.Event()
        # Guards the four below: jobs run on threads of their own.
        self._lock = threading.RLock()
        self._fencing: int | None = None
        self._renewed = 0.0
        self._child: ChildProcess | None = None
        self._watch = WatchProcess(settings)
        # The round whose wait was logged already.
        self._waiting_round_id: int | None = None
        self._retries = Retries(settings.priority, settings.crash_wait_seconds)
        self._image_watcher = ImageWatcher(blobs, settings.alarms)
        self._error_watcher = ErrorWatcher(settings.alarms)
        # Why drift was not measured, as logged last.
        self._drift_obstacle: str | None = None

    def run(self) -> None:
        """Keep the clock until SIGTERM, SIGINT or `stop`."""
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, self._on_signal)
            signal.signal(signal.SIGINT, self._on_signal)
        # It logs each run of each job, several a second.
        logging.getLogger("apscheduler").setLevel(logging.WARNING)
        scheduler = self._scheduler()
        log.info("learner %s started", self._settings.holder)
        scheduler.start()
        try:
            self._stopped.wait()
        finally:
            self._stand_down("the learner stops")
            scheduler.shutdown(wait=True)
            # A job in flight may have begun a round, or acquired the lease again.
            self._stand_down("the learner stops")
            self._release()
            log.info("learner %s stopped", self._settings.holder)

    def stop(self) -> None:
        """Make `run` return soon."""
        self._stopped.set()

    def hold_lease(self) -> None:
        """Renew the lease, or try for it; stand down where it has gone."""
        started = time.monotonic()
        try:
            fencing = self._database.write(
                lambda c: leases.acquire(c, self._settings.holder, self._settings.lease_seconds)
            )
        except DatabaseUnavailableError as error:
            log.warning("the lease can't be renewed: %s", error)
            if started - self._renewed > self._settings.lease_seconds:
                self._stand_down("the lease ran out")
            return
        with self._lock:
            if fencing != self._fencing:
                self._stand_down("the lease was lost" if self._fencing else None)
                log.info("standing by" if fencing is None else "leading, with fencing number %s", fencing)
            self._fencing = None if self._stopped.is_set() else fencing
            self._renewed = started

    def supervise_round(self) -> None:
        """Log how the child of the round in progress ended, or start one."""
        with self._lock:
            if self._fencing is None or not self._collect_ended_child():
                return
            with self._database.read() as connection:
                current = current_round(connection)
            if current is None or current.state in WAITING:
                return
            fencing, round_id = self._fencing, current.id
            may_begin = self._retries.may_begin(round_id) and self._check_memory(round_id, fencing)
            # A cancelled round ends at once.
            if not may_begin and not current.cancel_requested:
                return
            begun = self._database.write(lambda c: progress.begin(c, round_id, fencing))
            if begun.state != "preparing":
                _log_end(begun)
                return
            priority = self._retries.priority(round_id)
            self._child = ChildProcess(self._settings.child_command, round_id, fencing, priority)
            log.info("round %d: try %d runs as process %d", round_id, begun.num_tries, self._child.pid)

    def watch_production(self) -> None:
        """Have the predecessor answer what production answers, and act on what their differences show."""
        with self._lock:
            fenced = self._fenced()
            if fenced is None or self._fencing is None:
                return
            self._watch.supervise(fenced, self._fencing)
        look(fenced)

    def follow_trial(self) -> None:
        """Judge the round that waits for labels again, with those that came."""
        fenced = self._fenced()
        if fenced is not None and self._fencing is not None:
            follow_trial(fenced, self._fencing, self._settings.gate, self._settings.promote)

    def request_due_round(self) -> None:
        """Ask for a round where one is due, once due labels are accepted where nobody is asked."""
        fenced = self._fenced()
        if fenced is None:
            return
        if self._settings.new_classes == "auto":
            jobs.accept_new_classes(fenced)
        jobs.request_due_round(fenced, self._settings.triggers)

    def watch_drift(self) -> None:
        """Measure drift, and log once why it can't be measured."""
        fenced = self._fenced()
        if fenced is None:
            return
        obstacle = jobs.watch_drift(fenced, self._blobs, DriftSettings())
        if obstacle not in (None, self._drift_obstacle):
            log.info("drift is not measured: %s", obstacle)
        self._drift_obstacle = obstacle

    def send_messages(self) -> None:
        """Store what there is to say to the webhook, and send what is stored."""
        fenced, webhook = self._fenced(), self._settings.webhook
        if fenced is not None and webhook is not None:
            store_messages(fenced)
            send_messages(fenced, webhook, random.Random(), self._stopped.is_set)

    def raise_alarms(self) -> None:
        """Compare what production is asked and answers with what is normal, and tell people what differs."""
        fenced = self._fenced()
        if fenced is None:
            return
        try:
            self._image_watcher.look(fenced)
            self._error_watcher.look(fenced)
        except MonitoringError as error:
            log.warning("the images can't be compared with what is normal: %s", error)

    def clean_up(self) -> None:
        """Apply the limits of retention, and delete what nothing refers to."""
        fenced = self._fenced()
        if fenced is not None:
            jobs.clean_up(fenced, self._blobs, self._settings)

    def _scheduler(self) -> Any:
        # APScheduler comes without types.
        scheduler: Any = BackgroundScheduler(  # type: ignore[no-untyped-call]  # APScheduler comes without types
            # One thread a job: a long one must never keep the lease's waiting.
            executors={"default": ThreadPoolExecutor(9)},  # type: ignore[no-untyped-call]  # APScheduler comes without types
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
            timezone=UTC,
        )
        settings = self._settings
        for job, seconds in (
            (self.hold_lease, settings.lease_seconds / _RENEWALS),
            (self.supervise_round, settings.poll_seconds),
            (self.watch_production, settings.watch_seconds),
            (self.follow_trial, settings.trial_seconds),
            (self.request_due_round, settings.trigger_seconds),
            (self.watch_drift, settings.drift_seconds),
            (self.raise_alarms, settings.alarm_seconds),
            (self.clean_up, settings.upkeep_seconds),
            *([(self.send_messages, settings.webhook.poll_seconds)] if settings.webhook else []),
        ):
            scheduler.add_job(
                self._guarded(job), "interval", seconds=seconds, next_run_time=datetime.now(UTC)
            )
        return scheduler

    def _guarded(self, job: Callable[[], None]) -> Callable[[], None]:
        def run() -> None:
            try:
                job()
            except FencedError as error:
                log.warning("%s", error)
                self._stand_down("the lease was lost")
            except DatabaseUnavailableError as error:
                log.warning("the database can't be used now: %s", error)

        run.__name__ = job.__name__
        return run

    def _fenced(self) -> FencedDatabase | None:
        with self._lock:
            return None if self._fencing is None else FencedDatabase(self._database, self._fencing)

    def _check_memory(self, round_id: int, fencing: int) -> bool:
        """Return whether a round has memory enough; note once in its log that it waits for memory."""
        free = free_memory()
        if free is None or free >= self._settings.min_free_bytes:
            self._waiting_round_id = None
            return True
        if self._waiting_round_id != round_id:
            self._waiting_round_id = round_id
            detail = {"expected_bytes": self._settings.min_free_bytes, "found_bytes": free}
            self._database.write(lambda c: add_step(c, round_id, "waits_for_memory", detail, fencing))
            log.warning(
                "round %d waits: expected %d MiB of free memory, found %d. Give the machine more, serve with "
                "fewer workers, or lower PERENNIAL_ROUND_MEMORY_BYTES.",
                *(round_id, self._settings.min_free_bytes >> 20, free >> 20),
            )
        return False

    def _collect_ended_child(self) -> bool:
        """Log how the child ended, and drop it; return whether none runs now."""
        if self._child is None:
            return True
        status = self._child.exit_status()
        if status is None:
            return False
        round_id, self._child = self._child.number, None
        if status == FINISHED:
            with self._database.read() as connection:
                _log_end(find_round(connection, round_id))
        elif status == FENCED:
            log.warning("round %d: its process was fenced off", round_id)
        else:
            self._note_failed_try(round_id, status)
        return True

    def _note_failed_try(self, round_id: int, status: int) -> None:
        """Log and write down a try that did not finish; the child wrote down why it has to be repeated."""
        wait = self._retries.note(round_id, status)
        if status in (STARVED, REPEATED):
            return
        how = "crashed" if status == CRASHED else f"ended with status {status}"
        then = f"; it is tried again in {wait:.0f} s, three times in all" if wait else ""
        log.error("round %d: its process %s%s", round_id, how, then)
        if self._fencing is not None:
            fencing, detail = self._fencing, {"how": how, "wait_seconds": wait}
            self._database.write(lambda c: add_step(c, round_id, "crashed", detail, fencing))

    def _stand_down(self, why: str | None) -> None:
        with self._lock:
            if self._child is not None:
                log.warning("round %d: its process is ended, for %s", self._child.number, why)
                self._child.kill()
                self._child = None
            self._watch.end()
            self._fencing = None

    def _release(self) -> None:
        try:
            self._database.write(lambda c: leases.release(c, self._settings.holder))
        except DatabaseUnavailableError as error:
            log.warning("the lease can't be released, and ends by itself: %s", error)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        log.info("learner stops on %s", signal.Signals(number).name)
        self.stop()


def _log_end(ended: Round) -> None:
    """Log how a round ended; what a person should look at is an error or a warning."""
    level = {"failed": logging.ERROR, "rejected": logging.WARNING}.get(ended.state, logging.INFO)
    log.log(level, "round %d is %s: %s", ended.id, ended.state, ended.reason)
