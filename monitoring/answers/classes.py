"""The answers of `/v1/classes`."""

from pydantic import Field

from monitoring.answers.answer import Answer, UtcTime


class UnknownLabelDetail(Answer):
    """A label that production does not know, and that nobody rejected."""

    name: str
    num_samples: int = Field(description="Samples in quarantine that are called so.")
    num_sources: int = Field(description="Sources that sent these.")
    num_clusters: int = Field(description="Pictures among them that are no near-duplicates, 500 at most.")
    newest: UtcTime = Field(description="When the last of them arrived.")
    is_due: bool = Field(
        description="Whether it may become a class: it has 20 samples of 2 sources, 10 of them no "
        "near-duplicates, or somebody accepted it."
    )
    nearest: str | None = Field(description="The class whose name is most like it; null where none is.")
    answered: str | None = Field(
        description="What production answers on most of its images; null where it answers this and that."
    )
    accepted_by: str | None = Field(description="Who accepted it as a class; null while it waits.")
    accepted: UtcTime | None
    sample_ids: list[int] = Field(description="Its newest samples; /v1/samples/{sample_id}/image shows one.")


class KnownClass(Answer):
    """A class of production."""

    name: str
    num_samples: int = Field(description="Samples with that label in force.")


class ClassList(Answer):
    """The labels that production does not know, those with most samples first, and its classes."""

    unknown: list[UnknownLabelDetail]
    classes: list[KnownClass]


class ClassDecision(Answer):
    """A person's word on a label that production does not know."""

    name: str
    word: str = Field(
        description="accepted: the next round learns it. merged: it means another class, now and later. "
        "rejected: its samples stay in quarantine, and wait no longer."
    )
    merged_into: str | None = Field(description="The class that it means; null unless merged.")
    decided_by: str
    decided: UtcTime
