"""Chooses on validation how far to go from the champion's weights towards the candidate's."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class BlendLimits:
    """What a blend may lose of the old samples on validation, as fractions of them.

    Attributes:
        max_flips: Answers that turn from right to wrong.
        max_loss: Accuracy.
    """

    max_flips: float
    max_loss: float


@dataclass(frozen=True, slots=True)
class Blend:
    """One share of the candidate, with what it did on validation; all are fractions.

    `gain_new` and `gain_old` are differences of accuracy to the champion.
    """

    weight: float
    gain_new: float
    gain_old: float
    negative_flips: float


def choose_blend(
    weights: Sequence[float],
    right_at: Callable[[float], Tensor],
    champion_right: Tensor,
    is_new: Tensor,
    limits: BlendLimits,
) -> tuple[Blend, list[Blend]]:
    """Return the blend that is best on new samples among those that hold the old, and all that were tried.

    Of equal blends the one with the larger share is returned, since validation is small and it learnt more.
    Where no blend holds the old, the one with the fewest flips is returned: the gate decides anyway.

    Args:
        weights: The candidate's shares to try, in (0, 1).
        right_at: Maps a share to whether its blend answers each validation sample rightly, shape (n,).
        champion_right: Shape (n,), the same of the champion.
        is_new: Shape (n,), whether a sample is new.
        limits: What "holds the old" means.

    Source:
        Wortsman et al., "Robust fine-tuning of zero-shot models", CVPR 2022.
    """
    blends = [_measured(weight, right_at(weight), champion_right, is_new) for weight in weights]
    holding = [
        blend
        for blend in blends
        if blend.negative_flips <= limits.max_flips and blend.gain_old >= -limits.max_loss
    ]
    if holding:
        return max(holding, key=lambda blend: (blend.gain_new, blend.weight)), blends
    return min(blends, key=lambda blend: (blend.negative_flips, blend.weight)), blends


def _measured(weight: float, right: Tensor, champion_right: Tensor, is_new: Tensor) -> Blend:
    gains = right.to(torch.float64) - champion_right.to(torch.float64)
    flips = (champion_right & ~right).to(torch.float64)
    return Blend(
        weight=weight,
        gain_new=_mean(gains[is_new]),
        gain_old=_mean(gains[~is_new]),
        negative_flips=_mean(flips[~is_new]),
    )


def _mean(values: Tensor) -> float:
    return float(values.mean()) if len(values) else 0.0
