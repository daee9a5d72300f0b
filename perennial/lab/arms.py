"""What an experiment compares: variants, and one training of one of them."""

from collections.abc import Callable
from dataclasses import dataclass

from perennial.lab.images import LabImages, Pair
from vision.training import Epoch
from vision.transfer import TransferSettings


@dataclass(frozen=True, slots=True)
class Arm:
    """One variant that is compared with others.

    Attributes:
        name: What it is called in tables and charts.
        settings: How it is trained; the seed is each run's own.
        start: The weights that it begins with, in words.
        has_fresh_head: Everything is trained from the first step on, under a random head and at a constant
            rate, instead of by the settings' strategy.
        num_per_class: Training images of each class, at most; None takes all.
    """

    name: str
    settings: TransferSettings
    start: str
    has_fresh_head: bool = False
    num_per_class: int | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """One training: a variant, its images and where it runs."""

    arm: Arm
    settings: TransferSettings
    images: LabImages
    training: list[Pair]
    validation: list[Pair]
    device: str
    on_epoch: Callable[[Epoch], None]
    on_batch: Callable[[int, int], None]
