"""How many predictions were answered in each hour, from the roll-ups that outlive the predictions."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from store.database.schema import prediction_hours


@dataclass(frozen=True, slots=True)
class TrafficHour:
    """One hour in which something was answered; `mean_confidence` is a fraction."""

    hour: datetime
    num_predictions: int
    mean_confidence: float


def traffic_since(connection: Connection, since: datetime) -> list[TrafficHour]:
    """Return the hours that began at or after a time, oldest first; those without predictions are missing."""
    num = func.sum(prediction_hours.c.num_predictions)
    query = (
        select(prediction_hours.c.hour, num, func.sum(prediction_hours.c.sum_confidence) / num)
        .where(prediction_hours.c.hour >= since)
        .group_by(prediction_hours.c.hour)
        .order_by(prediction_hours.c.hour)
    )
    return [TrafficHour(*row) for row in connection.execute(query)]
