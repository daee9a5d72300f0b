"""The answers of `/v1/drift` and `/v1/forgetting`."""

from pydantic import Field

from monitoring.accuracy import SliceAccuracy
from monitoring.answers.answer import Answer, UtcTime


class DriftPoint(Answer):
    """How far one window of predictions lay from what production was trained on."""

    created: UtcTime
    version: str | None
    mmd: float = Field(description="MMD² between the window's embeddings and the reference.")
    null_95: float | None = Field(description="What `mmd` stays under in 95 % of windows without drift.")
    num_samples: int = Field(description="Predictions in the window.")
    first: UtcTime | None = Field(description="When the window's first prediction was answered.")
    last: UtcTime | None = Field(description="When its last one was.")


class Drift(Answer):
    """The drift measurements, newest first."""

    production: str | None
    statistic: str = Field(description="What `mmd` is, in words.")
    has_reference: bool = Field(description="Whether production has embeddings to compare with.")
    next_by: UtcTime | None = Field(
        description="By when the next measurement comes, while a learner is at work; null where predictions "
        "or the reference are missing."
    )
    num_missing: int = Field(description="Predictions by production that have to come before it.")
    points: list[DriftPoint]


class LostInterval(Answer):
    """How sure a figure of `forgotten` is: both versions answered the same images."""

    since: str = Field(description="The ancestor that production is compared with.")
    low: float = Field(description="Lower end of the two-sided 95 % interval of what was lost, a fraction.")
    high: float = Field(description="Its upper end; where it is below 0, production gained.")
    num_images: int = Field(description="Images that both answered.")


class Forgetting(Answer):
    """The accuracy of versions on slices, both oldest first, and what production lost."""

    production: str | None
    versions: list[str]
    slices: list[str]
    cells: list[SliceAccuracy] = Field(description="What was measured.")
    forgotten: dict[str, float] = Field(
        description="By slice: the accuracy that production lost since its best ancestor, a fraction."
    )
    intervals: dict[str, LostInterval] = Field(
        description="By slice, where the answers of both were stored: the interval of that loss."
    )
    is_golden_overused: bool = Field(
        description="Whether candidates suit the golden images better than those that no verdict reads: "
        "`perennial holdout renew DIR` replaces them."
    )
