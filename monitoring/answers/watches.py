"""What is answered about a watch, in `/v1/status` and `/v1/models`."""

from pydantic import Field

from monitoring.answers.answer import Answer


class Watch(Answer):
    """Whether a promoted version is worse than the one before it, on what is asked since."""

    version: str = Field(description="The version that was promoted.")
    predecessor: str = Field(description="Production before it.")
    state: str = Field(description="watching, confirmed, unconfirmed or rolled_back.")
    images: int = Field(description="Images that both answered; near-duplicates count once.")
    lost: int = Field(description="Images that only the predecessor answered rightly.")
    won: int = Field(description="Images that only the promoted version answered rightly.")
    open: int = Field(description="Images that they answered differently and that nobody labelled yet.")
    evidence: float = Field(description="That the promoted version is worse: 100 and more roll it back.")
    sentence: str = Field(description="How it stands, or why it ended.")
