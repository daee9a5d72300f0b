"""Follows what is normal now: collected anew with each promotion, as before after a roll-back."""

import logging
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Connection

from retrain.alarms.settings import AlarmJobSettings
from store import registry
from store.alarms import Alarm, NewAlarm, end_alarm, raise_alarm, unended_alarms
from store.database.database import Database, now
from store.drift_references import (
    DriftReference,
    begin_reference,
    current_reference,
    freeze,
    num_normal,
    resume_reference,
)
from store.versions import Version

log = logging.getLogger(__name__)

# A learner looks sooner than this after a promotion, unless none ran.
_LONGEST_WAIT = timedelta(minutes=10)
#: Who ends an alarm when production changes.
ACTOR = "learner"


@dataclass(frozen=True, slots=True)
class Normal:
    """Production, and the reference that says what is normal for it."""

    production: Version
    reference: DriftReference


def follow_production(database: Database) -> Normal | None:
    """Return what is normal for production; None before the first version.

    Where production is another version than before, its reference is begun, and alarms end. After a
    roll-back what was normal before is normal again, where that is known.

    Raises:
        FencedError: The database is fenced, and the lease has gone.
    """
    with database.read() as connection:
        production = registry.production(connection)
        reference = current_reference(connection)
    if production is None:
        return None
    if reference is not None and reference.version == production.version:
        return Normal(production, reference)
    return database.write(_follow)


def freeze_where_full(database: Database, reference: DriftReference, settings: AlarmJobSettings) -> None:
    """Freeze a reference that has images enough."""
    with database.read() as connection:
        num_images = num_normal(connection, reference.id)
        is_old = now(connection) - reference.begun >= settings.collecting
    if num_images < (settings.min_normal if is_old else settings.max_normal):
        return
    database.write(lambda connection: freeze(connection, reference))
    log.info(
        "%s: its first %d distinct images are normal; from now on others are compared with them",
        reference.version,
        num_images,
    )


def raise_in_force(database: Database, reference: DriftReference, new: NewAlarm) -> Alarm | None:
    """Raise an alarm about what was compared with a reference, unless another is in force by now.

    Returns:
        The alarm; None where it was not raised.
    """

    def work(connection: Connection) -> Alarm | None:
        current = current_reference(connection)
        is_in_force = current is not None and current.id == reference.id
        return raise_alarm(connection, new) if is_in_force else None

    alarm = database.write(work)
    if alarm is not None:
        log.warning("alarm: %s", new.sentence)
    return alarm


def _follow(connection: Connection) -> Normal:
    production = registry.production(connection)
    assert production is not None  # there is no way back to none
    name = production.version
    move = registry.last_move(connection)
    resumed = resume_reference(connection, name) if move.is_roll_back else None
    reason = (
        f"{name} became production: what is normal is collected anew."
        if resumed is None
        else f"{name} is production again: its images are compared with what was normal for it before."
    )
    for alarm in unended_alarms(connection):
        end_alarm(connection, alarm, "ended", reason, ACTOR)
    if resumed is not None:
        return Normal(production, resumed)
    # What came before this look counts too, but not what came weeks ago.
    since = max(move.created, now(connection) - _LONGEST_WAIT)
    return Normal(production, begin_reference(connection, name, since))
