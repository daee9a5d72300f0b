"""The answer of `/v1/traffic`."""

from pydantic import Field

from monitoring.answers.answer import Answer, UtcTime


class TrafficPoint(Answer):
    """One hour."""

    hour: UtcTime = Field(description="When it began.")
    num_predictions: int
    mean_confidence: float | None = Field(description="A fraction; null where nothing was answered.")


class Traffic(Answer):
    """How many predictions were answered, by the hour, oldest first; the last hour is not over."""

    hours: list[TrafficPoint]
    num_predictions: int = Field(description="Of these hours together.")
