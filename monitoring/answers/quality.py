"""The answers of `/v1/drift`, `/v1/forgetting` and `/v1/audits`."""

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
    points: list[DriftPoint]


class Forgetting(Answer):
    """The accuracy of versions on slices, both oldest first, and what production lost."""

    production: str | None
    versions: list[str]
    slices: list[str]
    cells: list[SliceAccuracy] = Field(description="What was measured.")
    forgotten: dict[str, float] = Field(
        description="By slice: the accuracy that production lost since its best ancestor, a fraction."
    )


class Audit(Answer):
    """A prediction that was drawn for audit and still wants its label."""

    prediction_id: str
    label: str = Field(description="What was answered.")
    confidence: float
    version: str
    created: UtcTime


class AuditList(Answer):
    """Audits that want a label, newest first."""

    audits: list[Audit]
    num_waiting: int = Field(description="How many there are, beyond those listed too.")
