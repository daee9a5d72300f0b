"""The answers of `/v1/models` and `/v1/models/{version}`."""

from typing import Any

from pydantic import Field

from monitoring.answers.answer import Answer, UtcTime
from monitoring.answers.rounds import Curves
from monitoring.answers.watches import Watch


class Promotion(Answer):
    """The last move that made a version production."""

    reason: str
    actor: str = Field(description="The name of a key, the learner, or a person at the command line.")
    created: UtcTime


class Model(Answer):
    """One version of the classifier."""

    version: str = Field(description='Such as "v3".')
    number: int
    is_production: bool
    is_starter: bool = Field(description="Whether it came with the product.")
    parent: str | None = Field(description="The version that it was trained from.")
    lineage: int = Field(description="Versions of one lineage know the same classes.")
    round_id: int | None = Field(description="The round that made it; null where `perennial train` did.")
    created: UtcTime
    num_classes: int
    # `train`, a round and a starter measure different things, and so do releases.
    metrics: dict[str, Any] = Field(description="What was measured when it was made, by name.")
    margin: float | None = Field(description="What the gate lets it lose on old samples, a fraction.")
    is_retired: bool = Field(description="Whether its files were dropped, so that it can't serve.")
    num_deleted_samples: int = Field(description="Samples that it learnt from and that were deleted since.")
    quarantined_sources: list[str] = Field(
        description="Sources that it or an ancestor learnt from and that are quarantined now."
    )
    promotion: Promotion | None = Field(description="Null where it never was production.")
    watch: Watch | None = Field(description="The watch over its last promotion; null where there was none.")


class ModelDetail(Model):
    """One version with its classes, files and curves."""

    classes: list[str]
    curves: Curves | None = Field(description="How its training went; null for a starter.")
    files: dict[str, str] = Field(description="The SHA-256 of each file, by the file's name.")


class ModelList(Answer):
    """Versions, newest first."""

    models: list[Model]
