"""When drift is measured next: the learner looks every minute, and measures where there is something new."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from monitoring.drift.measurement import LOOK_SECONDS, METRIC, DriftSettings
from store import measurements
from store.predictions.predictions import first_times


@dataclass(frozen=True, slots=True)
class NextMeasurement:
    """When a version's drift is measured next.

    Attributes:
        by: At the latest, while a learner is at work; None where predictions are missing.
        num_missing: Predictions by the version that have to come first.
    """

    by: datetime | None
    num_missing: int


def next_measurement(
    connection: Connection, version: str, settings: DriftSettings | None = None
) -> NextMeasurement:
    """Return when the drift of a version is measured next, or what is missing for it."""
    settings = settings or DriftSettings()
    first = first_times(connection, version, settings.min_window)
    if len(first) < settings.min_window:
        return NextMeasurement(None, settings.min_window - len(first))
    earlier = measurements.latest(connection, METRIC, version=version)
    if earlier is None:
        return _after(first[-1])
    last = earlier.detail.get("last")
    since = earlier.created if last is None else datetime.fromisoformat(last)
    new = first_times(connection, version, 1, since)
    return _after(new[0]) if new else NextMeasurement(None, 1)


def _after(moment: datetime) -> NextMeasurement:
    return NextMeasurement(moment + timedelta(seconds=LOOK_SECONDS), 0)
