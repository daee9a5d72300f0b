"""What an experiment consists of: its variants, and what it concludes from their trainings."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lab.charts import Chart
from lab.images import LabImages
from lab.outcomes import Arm, Measured
from vision.decoding import ImageLimits
from vision.initial_weights import InitialWeights
from vision.transfer_settings import TransferSettings


@dataclass(frozen=True, slots=True)
class Table:
    """Figures as people read them: columns with their units, and rows of texts."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Conclusion:
    """What follows from the trainings of one experiment.

    Attributes:
        answer: Sentences that follow from the figures, the most important first.
        table: One row for each variant.
        charts: Pictures of the same figures.
    """

    answer: tuple[str, ...]
    table: Table
    charts: tuple[Chart, ...]


def as_they_are(images: LabImages, limits: ImageLimits) -> LabImages:
    """Return the images without any change."""
    return images


@dataclass(frozen=True, slots=True)
class Experiment:
    """One experiment.

    Attributes:
        epochs: Passes over the training images where no other number is given.
        description: Its variants in a sentence or two, for the report.
        arms: Returns its variants, from the settings that all share and the networks that it may train. Where
            one network is enough, it is the first.
        conclude: Returns what follows from the trainings of its variants.
        prepare: Changes the images before they are used.
        backbones: The networks that it compares; empty where one is enough.
    """

    epochs: int
    description: str
    arms: Callable[[TransferSettings, Sequence[InitialWeights]], list[Arm]]
    conclude: Callable[[Measured], Conclusion]
    prepare: Callable[[LabImages, ImageLimits], LabImages] = as_they_are
    backbones: tuple[str, ...] = ()
