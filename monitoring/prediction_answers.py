"""What is answered about the predictions of the log."""

from dataclasses import asdict

from sqlalchemy import Connection

from monitoring.answers.predictions import PredictionList, PredictionSummary
from store.predictions.search import Wanted, search_predictions


def predictions(
    connection: Connection, wanted: Wanted, limit: int = 50, before: str | None = None
) -> PredictionList:
    """Return a page of the predictions that are looked for, newest first."""
    page = search_predictions(connection, wanted, limit=limit, before=before)
    return PredictionList(
        predictions=[PredictionSummary(**asdict(each)) for each in page.predictions], before=page.before
    )
