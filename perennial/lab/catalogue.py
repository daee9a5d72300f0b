"""The table of experiments by name."""

from collections.abc import Mapping
from types import MappingProxyType

from perennial.lab import augmentation, backbones, freezing, learning_rate, shift, unfreezing
from perennial.lab.exercise import Exercise

EXERCISES: Mapping[str, Exercise] = MappingProxyType(
    {
        "freezing": freezing.EXERCISE,
        "learning-rate": learning_rate.EXERCISE,
        "augmentation": augmentation.EXERCISE,
        "backbones": backbones.EXERCISE,
        "unfreezing": unfreezing.EXERCISE,
        "shift": shift.EXERCISE,
    }
)
