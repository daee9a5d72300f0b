"""Which of several strategies to keep, by their losses on validation."""

from collections.abc import Mapping
from math import sqrt

from torch import Tensor

from vision.errors import TooFewSamplesError
from vision.network import Weights
from vision.strategies import Strategy

#: Cheapest first: gradual unfreezing trains all blocks for half of its epochs only.
BY_COST: tuple[Strategy, ...] = ("linear_probe", "partial", "gradual", "full")


def strategies_to_try(weights: Weights) -> tuple[Strategy, ...]:
    """Return the strategies that there is a choice between; without pretrained weights there is none."""
    return ("full",) if weights == "none" else BY_COST


def cheapest_within_one_error(losses: Mapping[Strategy, Tensor]) -> Strategy:
    """Return the cheapest strategy whose loss is within one standard error of the lowest.

    The error is that of the difference to the best, image by image, so that images which are hard for every
    strategy do not hide it. Few images give a large one, and a costly strategy has to earn its cost.

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
        # One image has no error to tell, and decides nothing.
        return True
    return float(excess.double().mean()) <= float(excess.double().std()) / sqrt(len(excess))
