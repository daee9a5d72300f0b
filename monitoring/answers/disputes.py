"""The answers of `/v1/disputes`."""

from pydantic import Field

from monitoring.answers.answer import Answer, UtcTime


class Said(Answer):
    """What a source said last of a sample."""

    source: str
    label: str
    is_trusted: bool = Field(description="Whether the source had a trusted key then.")
    created: UtcTime


class DisputeDetail(Answer):
    """A sample whose label a person has to decide, or has decided."""

    id: int
    sample_id: int
    label: str | None = Field(description="The label in force; null where untrusted sources disagree.")
    source: str = Field(description="Who contradicts.")
    contradiction: str = Field(description="What that source says.")
    said: list[Said] = Field(description="What each source said last, in that order.")
    created: UtcTime
    settled: UtcTime | None = Field(description="Null while it waits for a person.")
    settled_by: str | None
    settled_label: str | None


class DisputeList(Answer):
    """The disputes that wait for a person, newest first."""

    disputes: list[DisputeDetail]
    num_disputes: int = Field(description="How many there are, beyond those listed too.")
