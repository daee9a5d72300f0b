"""Chooses a strategy: which to try, and which of them to keep by their losses on validation."""

from collections.abc import Mapping
from math import sqrt

from torch import Tensor

from vision.errors import TooFewSamplesError
from vision.network import Weights
from vision.training.strategies import Strategy

#: Cheapest first: gradual unfreezing trains all blocks for half of its epochs only.
BY_COST: tuple[Strategy, ...] = ("linear_probe", "partial", "gradual", "full")
#: Training images a class below which fine-tuning overfits, and above which all blocks can learn from them.
FEW_PER_CLASS = 100
MANY_PER_CLASS = 1000
#: Accuracy on validation from which feature extraction is enough.
ENOUGH_ACCURACY = 0.9


def strategies_to_try(weights: Weights) -> tuple[Strategy, ...]:
    """Return the strategies to choose from; without pretrained weights there is only one."""
    return ("full",) if weights == "none" else BY_COST


def strategies_in_turn(samples_per_class: int, weights: Weights) -> tuple[Strategy, ...]:
    """Return what "auto" tries, cheapest first: extraction, then what so many images a class are enough for.

    The second is for where the first is not `ENOUGH_ACCURACY`. Without pretrained weights there are no
    features to extract, so everything is trained.
    """
    if weights == "none":
        return ("full",)
    if samples_per_class < FEW_PER_CLASS:
        return ("linear_probe",)
    return ("linear_probe", "partial" if samples_per_class <= MANY_PER_CLASS else "full")


def cheapest_within_one_error(losses: Mapping[Strategy, Tensor]) -> Strategy:
    """Return the cheapest strategy whose loss is within one standard error of the lowest.

    It is the error of the difference to the best, image by image, so that images which are hard for every
    strategy do not hide the difference. Few images have a large error, so that a costly strategy is not
    chosen by luck.

    Args:
        losses: Cross-entropy (N,) of the same validation images by strategy.

    Raises:
        TooFewSamplesError: There is nothing to choose from, or nothing to choose on.

    Source:
        Breiman et al., "Classification and Regression Trees", 1984, section 3.4.3: the 1 SE rule.
    """
    if not losses or any(len(each) == 0 for each in losses.values()):
        raise TooFewSamplesError("Expected losses of one strategy on one image at least, got none.")
    best = min(losses.values(), key=lambda each: float(each.double().mean()))
    ranked = sorted(losses, key=BY_COST.index)
    return next(strategy for strategy in ranked if _is_within_one_error(losses[strategy] - best))


def _is_within_one_error(excess: Tensor) -> bool:
    if len(excess) == 1:
        # A single image has no standard error, and decides nothing.
        return True
    return float(excess.double().mean()) <= float(excess.double().std()) / sqrt(len(excess))
