"""Compares what production is asked with what is normal, a look at a time, and raises alarms about it."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from sqlalchemy import Connection

from monitoring.drift.monitor import DriftMonitor, Signal
from monitoring.drift.observations import Observations
from retrain.alarms.references import (
    ACTOR,
    Normal,
    follow_production,
    freeze_where_full,
    raise_in_force,
)
from retrain.alarms.settings import AlarmJobSettings
from retrain.alarms.stream import distinct_images, observations
from retrain.alarms.telling import Crossing, new_alarm
from store.alarms import Alarm, NewAlarm, end_alarm, tell_again, unended_alarms
from store.blobs.blob_store import BlobStore
from store.database.database import Database
from store.drift_references import (
    DriftImage,
    DriftReference,
    LogPage,
    add_images,
    last_images,
    normal_images,
    read_log,
)

log = logging.getLogger(__name__)

_ABOUT_IMAGES = frozenset({"looks", "class_mix"})
_SEED = 0


@dataclass(slots=True)
class _Raised:
    """An alarm that is told once more after so many images."""

    alarm_id: int
    signal: Signal
    num_left: int


@dataclass(slots=True)
class _Monitored:
    """A monitor with the images that it compares with, and how many came since its last signal."""

    reference_id: int
    normal: Sequence[DriftImage]
    monitor: DriftMonitor
    num_quiet: int = 0
    raised: _Raised | None = None

    def crossing(self, signal: Signal, seen: Observations, last: Sequence[DriftImage]) -> Crossing:
        """Return in what the last images, and what is known of them, differ from the normal ones."""
        return Crossing(signal, self.monitor.explain(signal, seen), self.normal, last)

    def take_due(self, num_new: int) -> _Raised | None:
        """Count new images, and return once the alarm that so many came after."""
        if self.raised is None:
            return None
        self.raised.num_left -= num_new
        if self.raised.num_left > 0:
            return None
        due, self.raised = self.raised, None
        return due


class ImageWatcher:
    """Holds the monitor of the images between looks; all else is in the store.

    After a restart it is made again from the reference, and sees the last images once more.

    Args:
        blobs: Where the images' bytes are.
        settings: What alarms are raised from.
    """

    def __init__(self, blobs: BlobStore, settings: AlarmJobSettings) -> None:
        self._blobs = blobs
        self._settings = settings
        self._monitored: _Monitored | None = None

    def look(self, database: Database) -> None:
        """Take in what the log has new, and raise an alarm where that differs from what is normal.

        Raises:
            FencedError: The database is fenced, and the lease has gone.
            MonitoringError: The images can't be compared.
        """
        normal = follow_production(database)
        if normal is None:
            return
        reference = normal.reference
        with database.read() as connection:
            page = read_log(connection, reference, self._settings.max_images)
            read = normal_images if reference.frozen is None else last_images
            known = read(connection, reference.id) if page.images else []
        new = distinct_images(page.images, known, self._blobs, self._settings.limits)
        if page.images and not self._store(database, reference, new, page):
            return
        if reference.frozen is None:
            freeze_where_full(database, reference, self._settings)
        elif new:
            self._compare(database, normal, [*known, *new], len(new))

    def _store(
        self, database: Database, reference: DriftReference, new: Sequence[DriftImage], page: LogPage
    ) -> bool:
        """Store new images; return False where another reference came into force meanwhile."""
        is_behind = page.settled - page.images[-1].created > self._settings.max_lag
        work = partial(
            add_images,
            reference=reference,
            images=new,
            read_until=page.settled if is_behind and not page.is_last else page.read_until,
            keep=self._settings.num_last,
        )
        return database.write(work)

    def _compare(self, database: Database, normal: Normal, last: Sequence[DriftImage], num_new: int) -> None:
        """Compare the new images, which are the end of the last ones, with the normal ones."""
        # Only put back at the end: after an error it is made anew, and sees what it missed.
        monitored, self._monitored = self._monitored, None
        if monitored is None or monitored.reference_id != normal.reference.id:
            monitored, num_new = self._new_monitor(database, normal), len(last)
        with database.read() as connection:
            going_on = [alarm for alarm in unended_alarms(connection) if alarm.kind in _ABOUT_IMAGES]
        seen = observations(last, normal.production.class_names)
        signal = monitored.monitor.observe(seen.rows(slice(len(last) - num_new, None)))
        monitored.num_quiet = 0 if signal is not None else monitored.num_quiet + num_new
        kinds = {alarm.kind for alarm in going_on}
        if signal is None:
            if going_on and monitored.num_quiet >= self._settings.num_quiet:
                _end(database, going_on, monitored.num_quiet)
        elif kinds != _ABOUT_IMAGES:
            crossing = monitored.crossing(signal, seen, last)
            # To put it into words takes seconds.
            if crossing.explanation.kind not in kinds:
                told = new_alarm(crossing, normal, self._blobs, self._settings)
                alarm = raise_in_force(database, normal.reference, told)
                left = self._settings.num_told_again + num_new
                monitored.raised = None if alarm is None else _Raised(alarm.id, signal, left)
        raised = monitored.take_due(num_new)
        if raised is not None:
            crossing = monitored.crossing(raised.signal, seen, last)
            told = new_alarm(crossing, normal, self._blobs, self._settings)
            _tell_again(database, raised.alarm_id, told)
        self._monitored = monitored

    def _new_monitor(self, database: Database, normal: Normal) -> _Monitored:
        with database.read() as connection:
            images = normal_images(connection, normal.reference.id)
        class_names = normal.production.class_names
        monitor = DriftMonitor(
            observations(images, class_names),
            len(class_names),
            self._settings.detection,
            np.random.default_rng(_SEED),
        )
        return _Monitored(normal.reference.id, images, monitor)


def _tell_again(database: Database, alarm_id: int, told: NewAlarm) -> None:
    if database.write(partial(tell_again, alarm_id=alarm_id, new=told)):
        log.info("alarm %d is told again: %s", alarm_id, told.sentence)


def _end(database: Database, going_on: Sequence[Alarm], num_quiet: int) -> None:
    reason = f"The last {num_quiet:,} images look as before."

    def work(connection: Connection) -> None:
        ids = {alarm.id for alarm in going_on}
        for alarm in unended_alarms(connection):
            if alarm.id in ids:
                end_alarm(connection, alarm, "ended", reason, ACTOR)

    database.write(work)
    log.info("alarms about images end: %s", reason)
