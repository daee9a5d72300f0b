"""What is answered about predictions: those of the log, and how many there were by the hour."""

from dataclasses import asdict
from datetime import timedelta

from sqlalchemy import Connection

from monitoring.answers.predictions import PredictionList, PredictionSummary
from monitoring.answers.traffic import Traffic, TrafficPoint
from store.database.database import now
from store.predictions.predictions import find_prediction
from store.predictions.search import Wanted, prediction_rows, search_predictions
from store.predictions.traffic import TrafficHour, traffic_since


def predictions(
    connection: Connection, wanted: Wanted, limit: int = 50, before: str | None = None
) -> PredictionList:
    """Return a page of the predictions that are looked for, newest first."""
    page = search_predictions(connection, wanted, limit=limit, before=before)
    return PredictionList(
        predictions=[PredictionSummary(**asdict(each)) for each in page.predictions], before=page.before
    )


def prediction(connection: Connection, prediction_id: str) -> PredictionSummary:
    """Return one prediction, with the label that its image has now.

    Raises:
        PredictionGoneError: It was deleted, or expired.
        UnknownPredictionError: There is none of that id.
    """
    find_prediction(connection, prediction_id)
    [row] = prediction_rows(connection, [prediction_id])
    return PredictionSummary(**asdict(row))


def traffic(connection: Connection, num_hours: int = 48) -> Traffic:
    """Return how many predictions were answered in each of the last hours, the present one included."""
    present = now(connection).replace(minute=0, second=0, microsecond=0)
    hours = [present - timedelta(hours=back) for back in range(num_hours - 1, -1, -1)]
    counted = {each.hour: each for each in traffic_since(connection, hours[0])}
    points = [counted.get(hour, TrafficHour(hour, 0, 0.0)) for hour in hours]
    return Traffic(
        hours=[
            TrafficPoint(
                hour=each.hour,
                num_predictions=each.num_predictions,
                mean_confidence=each.mean_confidence if each.num_predictions else None,
            )
            for each in points
        ],
        num_predictions=sum(each.num_predictions for each in points),
    )
