"""Chooses on validation how far to go from the champion's weights towards the candidate's."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


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


class BlendSearch:
    """Tries blends on validation: each once, and no more of them than the choice needs.

    It takes for granted that a larger share learns more and loses more, so that the border between what holds
    the old and what doesn't is found by bisection.

    Args:
        shares: The candidate's shares that may be tried, in (0, 1].
        right_at: Maps a share to whether its blend answers each validation sample rightly, shape (n,).
        champion_right: Shape (n,), the same of the champion.
        is_new: Shape (n,), whether a sample is new.
        max_flips: A blend "holds the old" if no larger share of old answers turns from right to wrong.
            Accuracy is not asked: production was chosen on these samples, so that it seems better on them
            than it is, and whatever differs from it seems to lose.
    """

    def __init__(
        self,
        shares: Sequence[float],
        right_at: Callable[[float], Tensor],
        champion_right: Tensor,
        is_new: Tensor,
        max_flips: float,
    ) -> None:
        self._shares = sorted(shares)
        self._right_at = right_at
        self._champion_right = champion_right
        self._is_new = is_new
        self._max_flips = max_flips
        self._tried: dict[float, Blend] = {}

    @property
    def tried(self) -> list[Blend]:
        """What was tried until now, the largest share first."""
        return [self._tried[share] for share in sorted(self._tried, reverse=True)]

    def choose(self) -> Blend:
        """Return the largest blend that holds the old and is about as good on new as any.

        About as good is within one standard error of the best, since validation is small and a larger share
        learnt more. Beside the largest that holds the old, half of it is tried. Where no blend holds the old,
        the one with the fewest flips is returned: the gate decides anyway.

        Source:
            Wortsman et al., "Robust fine-tuning of zero-shot models", CVPR 2022. The rule of one standard
            error: Breiman et al., "Classification and regression trees", 1984, section 3.4.3.
        """
        largest = self._largest_that_holds()
        if largest is None:
            return min(self.tried, key=lambda blend: (blend.negative_flips, blend.weight))
        for share in [share for share in self._shares if share <= largest / 2][-1:]:
            self.at(share)
        holding = [blend for blend in self.tried if self.holds(blend)]
        best = max(holding, key=lambda blend: blend.gain_new)
        good = [blend for blend in holding if blend.gain_new >= best.gain_new - best.error_new]
        return max(good, key=lambda blend: blend.weight)

    def smaller_share(self, share: float) -> float:
        """Return the share of a second attempt: half of the first, or less where the gain is sure.

        Sure is a gain on new of three standard errors, on validation. A production that is broken needs
        little of the candidate to be mended, and the less it takes the less is lost.

        Args:
            share: The first attempt's.
        """
        half = share / 2
        smaller = [*(share for share in self._shares if share < half), half]
        unsure, sure = -1, len(smaller) - 1
        while sure - unsure > 1:
            middle = (unsure + sure) // 2
            if is_sure(self.at(smaller[middle])):
                sure = middle
            else:
                unsure = middle
        return smaller[sure]

    def _largest_that_holds(self) -> float | None:
        holding, losing = -1, len(self._shares)
        # The whole candidate holds the old most often.
        middle = losing - 1
        while losing - holding > 1:
            if self.holds(self.at(self._shares[middle])):
                holding = middle
            else:
                losing = middle
            middle = (holding + losing) // 2
        return None if holding < 0 else self._shares[holding]

    def holds(self, blend: Blend) -> bool:
        """Return whether a blend turns so few old answers from right to wrong that it holds the old."""
        return blend.negative_flips <= self._max_flips

    def at(self, share: float) -> Blend:
        """Return what the blend with a share does; each is answered once."""
        if share not in self._tried:
            right = self._right_at(share)
            self._tried[share] = _measured(share, right, self._champion_right, self._is_new)
        return self._tried[share]


def is_sure(blend: Blend) -> bool:
    """Return whether the gain on new validation images is three standard errors or more."""
    return blend.gain_new > 0 and blend.gain_new >= 3 * blend.error_new


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
