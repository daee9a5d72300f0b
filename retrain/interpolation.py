"""How far to go from the champion's weights towards the candidate's, chosen on validation."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Ballot:
    """What blends are chosen on.

    Attributes:
        labels: Shape (n,), class indices.
        is_new: Shape (n,), whether a sample is new.
        champion_right: Shape (n,), whether the champion answers it rightly.
        max_flips: Of the old samples, the share that may turn from right to wrong.
        max_loss: Of accuracy on the old samples, a fraction.
    """

    labels: Tensor
    is_new: Tensor
    champion_right: Tensor
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
    weights: Sequence[float], ask: Callable[[float], Tensor], ballot: Ballot
) -> tuple[Blend, list[Blend]]:
    """Return the blend that is best on new samples among those that hold the old, and all that were tried.

    Where none holds the old, the one with the fewest flips is returned: the gate has the last word. Of
    equals the larger share wins, since validation is small and it learnt more.

    Args:
        weights: The candidate's shares to try, in (0, 1).
        ask: Gives the logits (n, classes) of the blend with a share, for the validation samples.
        ballot: The validation samples and the limits.

    Source:
        Wortsman et al., "Robust fine-tuning of zero-shot models", CVPR 2022.
    """
    blends = [_measured(weight, ask(weight), ballot) for weight in weights]
    holding = [b for b in blends if b.negative_flips <= ballot.max_flips and b.gain_old >= -ballot.max_loss]
    if holding:
        return max(holding, key=lambda blend: (blend.gain_new, blend.weight)), blends
    return min(blends, key=lambda blend: (blend.negative_flips, blend.weight)), blends


def _measured(weight: float, logits: Tensor, ballot: Ballot) -> Blend:
    right = logits.argmax(dim=1).eq(ballot.labels)
    gains = right.to(torch.float64) - ballot.champion_right.to(torch.float64)
    flips = (ballot.champion_right & ~right).to(torch.float64)
    return Blend(
        weight=weight,
        gain_new=_mean(gains[ballot.is_new]),
        gain_old=_mean(gains[~ballot.is_new]),
        negative_flips=_mean(flips[~ballot.is_new]),
    )


def _mean(values: Tensor) -> float:
    return float(values.mean()) if len(values) else 0.0
