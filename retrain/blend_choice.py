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


def limits_for(margin: float, caution: float, max_negative_flips: float) -> BlendLimits:
    """Return what a blend may lose on validation, so that it likely passes the gate.

    Args:
        margin: The gate's margin on old, a fraction.
        caution: Negative flips that a blend may have, as a share of the gate's limit, in [0, 1].
        max_negative_flips: The gate's limit.
    """
    return BlendLimits(
        max_flips=caution * max_negative_flips,
        # The gate compares a lower bound with the margin: a blend that loses half of it here fails there.
        max_loss=(1 - caution) * 2 * margin,
    )


@dataclass(frozen=True, slots=True)
class Blend:
    """One share of the candidate, with what it did on validation; all are fractions.

    `gain_new` and `gain_old` are differences of accuracy to the champion, `error_new` the first one's
    standard error.
    """

    weight: float
    gain_new: float
    error_new: float
    gain_old: float
    negative_flips: float


def choose_blend(
    weights: Sequence[float],
    right_at: Callable[[float], Tensor],
    champion_right: Tensor,
    is_new: Tensor,
    limits: BlendLimits,
) -> tuple[Blend, list[Blend]]:
    """Return the largest blend that holds the old and is about as good on new as any, and all others tried.

    About as good is within one standard error of the best, since validation is small and a larger share
    learnt more. Where no blend holds the old, the one with the fewest flips is returned: the gate decides
    anyway.

    Args:
        weights: The candidate's shares to try, in (0, 1].
        right_at: Maps a share to whether its blend answers each validation sample rightly, shape (n,).
        champion_right: Shape (n,), the same of the champion.
        is_new: Shape (n,), whether a sample is new.
        limits: What "holds the old" means.

    Source:
        Wortsman et al., "Robust fine-tuning of zero-shot models", CVPR 2022. The rule of one standard error:
        Breiman et al., "Classification and regression trees", 1984, section 3.4.3.
    """
    blends = [_measured(weight, right_at(weight), champion_right, is_new) for weight in weights]
    holding = [
        blend
        for blend in blends
        if blend.negative_flips <= limits.max_flips and blend.gain_old >= -limits.max_loss
    ]
    if holding:
        best = max(holding, key=lambda blend: blend.gain_new)
        good = [blend for blend in holding if blend.gain_new >= best.gain_new - best.error_new]
        return max(good, key=lambda blend: blend.weight), blends
    return min(blends, key=lambda blend: (blend.negative_flips, blend.weight)), blends


def smaller_share(chosen: Blend, tried: Sequence[Blend]) -> float:
    """Return the share of a second attempt: half of the first, or less where validation is sure of the gain.

    Sure is a gain on new of three standard errors. A production that is broken needs little of the candidate
    to be mended, and the less it takes the less is lost.

    Args:
        chosen: The first attempt's blend.
        tried: All that were tried.
    """
    half = chosen.weight / 2
    sure = [blend.weight for blend in tried if blend.gain_new > 0 and blend.gain_new >= 3 * blend.error_new]
    return min([half, *sure])


def _measured(weight: float, right: Tensor, champion_right: Tensor, is_new: Tensor) -> Blend:
    gains = right.to(torch.float64) - champion_right.to(torch.float64)
    flips = (champion_right & ~right).to(torch.float64)
    return Blend(
        weight=weight,
        gain_new=_mean(gains[is_new]),
        error_new=_error(gains[is_new]),
        gain_old=_mean(gains[~is_new]),
        negative_flips=_mean(flips[~is_new]),
    )


def _mean(values: Tensor) -> float:
    return float(values.mean()) if len(values) else 0.0


def _error(values: Tensor) -> float:
    # One image has no spread, and says nothing for sure.
    return float(values.std() / len(values) ** 0.5) if len(values) > 1 else 1.0
