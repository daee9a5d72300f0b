"""What an experiment is made of: its variants, and what it concludes from their trainings."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from perennial.lab.arms import Arm
from perennial.lab.findings import Findings
from perennial.lab.images import LabImages
from perennial.lab.outcomes import Measured
from perennial.lab.starts import Start
from vision.decoding import ImageLimits
from vision.transfer import TransferSettings


@dataclass(frozen=True, slots=True)
class Setup:
    """What an experiment is given.

    Attributes:
        images: What it runs on.
        starts: The networks that it may train; the first is the one to take where one is enough.
        base: Settings that all variants share, of the first network.
    """

    images: LabImages
    starts: Sequence[Start]
    base: TransferSettings

    @property
    def start(self) -> Start:
        """The network to take where one is enough."""
        return self.starts[0]


def as_they_are(images: LabImages, limits: ImageLimits) -> LabImages:
    """Return the images without any change."""
    return images


@dataclass(frozen=True, slots=True)
class Exercise:
    """One experiment.

    Attributes:
        epochs: Passes over the training images where nobody says how many.
        describe: Its variants in a sentence or two, for the set-up.
        arms: Returns its variants.
        find: Returns what follows from their trainings.
        prepare: What it does to the images first.
        backbones: The networks that it compares; empty where one is enough.
    """

    epochs: int
    describe: str
    arms: Callable[[Setup], list[Arm]]
    find: Callable[[Measured], Findings]
    prepare: Callable[[LabImages, ImageLimits], LabImages] = as_they_are
    backbones: tuple[str, ...] = ()
