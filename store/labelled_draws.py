"""Fair draws with their labels: whether production answered them rightly."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from store.database.schema import predictions, samples

# Of the table of samples, at once: few of them may be draws.
_NUM_IDS = 5000


@dataclass(frozen=True, slots=True)
class LabelledDraw:
    """An image that was drawn by lot, with what was answered and what is right.

    Attributes:
        sample_id: Its sample.
        sha256: Names its bytes.
        prediction_id: The prediction.
        predicted: The answer.
        label: What is right.
        created: When the label came.
    """

    sample_id: int
    sha256: str
    prediction_id: str
    predicted: str
    label: str
    created: datetime

    @property
    def is_right(self) -> bool:
        """Whether production answered rightly."""
        return self.predicted == self.label


@dataclass(frozen=True, slots=True)
class DrawPage:
    """A page of labelled draws, in the order in which their labels came; the next one is `after` a sample."""

    draws: Sequence[LabelledDraw]
    after: int
    is_last: bool


def newest_sample(connection: Connection) -> int:
    """Return the greatest number of a sample; 0 before the first."""
    return int(connection.execute(select(func.max(samples.c.id))).scalar_one() or 0)


def labelled_draws(connection: Connection, version: str, after: int) -> DrawPage:
    """Return a version's draws that were labelled, among the next samples after one.

    Args:
        connection: Where to look.
        version: Whose answers.
        after: The last sample of the page before.
    """
    newest = newest_sample(connection)
    until = min(newest, after + _NUM_IDS)
    query = (
        select(
            samples.c.id.label("sample_id"),
            samples.c.sha256,
            predictions.c.id.label("prediction_id"),
            predictions.c.label.label("predicted"),
            samples.c.label,
            samples.c.created,
        )
        .join(predictions, predictions.c.id == samples.c.prediction_id)
        .where(
            samples.c.id > after,
            samples.c.id <= until,
            samples.c.origin == "audit",
            samples.c.state == "accepted",
            predictions.c.version == version,
        )
        .order_by(samples.c.id)
    )
    draws = [LabelledDraw(**row._mapping) for row in connection.execute(query)]
    return DrawPage(draws, max(after, until), is_last=until == newest)
