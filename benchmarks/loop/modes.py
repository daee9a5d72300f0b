"""How users behave in the loop, and what the world is like."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Mode:
    """How users behave, and what the world is like.

    Attributes:
        is_predicted: Images are predicted first, and labelled by their prediction.
        only_wrong: Only predictions that were wrong are labelled.
        is_attended: Somebody answers the questions of a round that waits for labels.
        num_classes, num_initial: Of the first training.
        is_shifted: The night is a world in which production is nearly always wrong.
        is_equal: The candidate learns nothing.
    """

    is_predicted: bool = False
    only_wrong: bool = False
    is_attended: bool = False
    num_classes: int = 10
    num_initial: int = 9000
    is_shifted: bool = False
    is_equal: bool = False


MODES: Final = {
    "direct": Mode(),
    "predicted": Mode(is_predicted=True, is_attended=True),
    "broken": Mode(is_predicted=True, num_classes=4, num_initial=1600, is_shifted=True),
    "corrections": Mode(is_predicted=True, only_wrong=True),
    "equal": Mode(is_equal=True),
    "equal-predicted": Mode(is_predicted=True, is_attended=True, is_equal=True),
    "equal-corrections": Mode(is_predicted=True, only_wrong=True, is_equal=True),
}
