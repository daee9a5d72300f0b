"""The answers of `/v1/sources`."""

from pydantic import Field

from monitoring.answers.answer import Answer, UtcTime


class Quarantine(Answer):
    """Since when a source's labels do not count, who decided it, and why."""

    since: UtcTime
    by: str
    reason: str


class SourceReview(Answer):
    """What the last round that learnt from two sources or more found of one."""

    round_id: int
    is_named: bool = Field(description="Whether most of its labels are probably wrong.")
    sentence: str = Field(description="Why it is named, or why not.")
    num_labels: int = Field(description="Labels of it that the round reviewed.")
    num_doubtful: int
    share_doubtful: float = Field(description="Of those on images like others', the share that is doubtful.")
    share_of_others: float = Field(description="The share of others' labels of like images that is doubtful.")
    p_value: float
    doubtful: list[int] = Field(description="Samples with doubtful labels, the most doubtful first.")


class SourceDetail(Answer):
    """A source: the key that sends labels."""

    name: str
    num_samples: int = Field(description="Samples that it labelled.")
    num_in_force: int = Field(description="Of them, those whose label in force is its own.")
    quarantine: Quarantine | None = Field(description="Null while its labels count.")
    review: SourceReview | None = Field(description="Null where no round reviewed it.")
    versions: list[str] = Field(
        description="The versions that learnt from a named or quarantined source, oldest first."
    )


class SourceList(Answer):
    """The sources of feedback, the largest first."""

    sources: list[SourceDetail]


class SourceDecision(Answer):
    """What a quarantine or a release changed."""

    source: SourceDetail
    num_changed: int = Field(description="Samples whose label in force changed.")
