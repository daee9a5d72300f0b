"""The answers of `GET /v1/predictions` and of the routes below it."""

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


class SimilarPrediction(PredictionSummary):
    """A prediction on an image that looks like another one to the version that answered both."""

    similarity: float = Field(description="The cosine of the two embeddings: 1 for the same direction.")


class SimilarImages(Answer):
    """The images that a version sees most like a given one, the most alike first."""

    version: str = Field(description="Who answered all of them: each version has embeddings of its own.")
    num_compared: int = Field(
        description="Other images that were compared: those of the version's last 2,000 predictions."
    )
    predictions: list[SimilarPrediction] = Field(description="The last one of each image.")
