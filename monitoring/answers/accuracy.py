"""The answers of `/v1/accuracy` and `/v1/models/{version}/comparison`."""

from pydantic import Field

from monitoring.answers.answer import Answer, UtcTime


class Share(Answer):
    """A measured accuracy with its two-sided 95 % Wilson interval; all three are fractions."""

    accuracy: float
    low: float
    high: float
    num_images: int


class ProductionChange(Answer):
    """One move of production, with how good the version is that came."""

    created: UtcTime
    version: str
    from_version: str | None = Field(description="Production before; null at the first version.")
    is_roll_back: bool
    reason: str
    old: Share | None = Field(description="On the golden images.")
    new_before: Share | None = Field(
        description="The earlier version's accuracy on the images that were new to both; null where no round "
        "made this version."
    )
    new: Share | None = Field(description="This version's, on the same images.")


class AccuracyHistory(Answer):
    """The moves of production, oldest first, and how often it is right on what it is asked."""

    moves: list[ProductionChange]
    live: Share | None = Field(
        description="Of production's own answers, on images that were drawn by lot and labelled: those among "
        "the last 5,000 samples. Labels that people chose to send would tell mistakes more often. Null "
        "without any."
    )


class SliceComparison(Answer):
    """Two versions on the images of a slice that both answered; accuracies are fractions."""

    slice: str
    num_images: int
    accuracy: float = Field(description="Of the version.")
    other_accuracy: float
    low: float = Field(description="Lower end of the 95 % interval of what the version gains on the other.")
    high: float = Field(description="Its upper end.")
    num_won: int = Field(description="Images that only the version answered rightly.")
    num_lost: int = Field(description="Images that only the other answered rightly: negative flips.")


class ClassComparison(Answer):
    """Two versions on the images of one class."""

    label: str
    num_images: int
    accuracy: float = Field(description="Of the version.")
    other_accuracy: float
    num_won: int
    num_lost: int


class Confusion(Answer):
    """How often a version answered images of one class with another, or with that class itself."""

    label: str = Field(description="What the images show.")
    answered: str = Field(description="What the version answered.")
    num_images: int


class Flip(Answer):
    """An image that the other version answered rightly and the version does not; its image is at
    `/v1/samples/{sample_id}/image`.
    """

    sample_id: int
    slice: str
    label: str = Field(description="What it shows.")
    answered: str = Field(description="What the version answers.")


class Comparison(Answer):
    """Two versions on the same labelled images."""

    version: str
    other: str
    slices: list[SliceComparison] = Field(description="Oldest first; those on which both were asked.")
    classes: list[ClassComparison] = Field(description="Those that changed most first.")
    num_classes: int = Field(description="How many there are, beyond those listed too.")
    confusions: list[Confusion] = Field(description="The version's most frequent ones.")
    matrix: list[Confusion] | None = Field(
        description="How often the version answered each class with which, right answers included; null with "
        "more than 12 classes."
    )
    flips: list[Flip] = Field(description="Negative flips, those of the newest slice first; at most 24.")
