"""The answer of `GET /v1/predictions`."""

from pydantic import Field

from monitoring.answers.answer import Answer, UtcTime


class PredictionSummary(Answer):
    """One prediction of the log."""

    id: str
    label: str = Field(description="The class that was answered.")
    confidence: float
    version: str = Field(description="Who answered.")
    source: str = Field(description="The name of the key that asked.")
    created: UtcTime
    true_label: str | None = Field(description="The label that its image has now; null without one.")


class PredictionList(Answer):
    """Predictions, newest first."""

    predictions: list[PredictionSummary]
    before: str | None = Field(
        description="Goes on from here; null where the log ends. A search reads 20,000 rows at a time, so "
        "that a page may be short, or empty, and not be the last."
    )
