from collections.abc import Callable

import torch
from torch import Tensor

from retrain.blend_choice import Blend, BlendLimits, choose_blend

# Two new samples that production gets wrong, four old ones that it gets right.
IS_NEW = torch.tensor([True, True, False, False, False, False])
CHAMPION_RIGHT = torch.tensor([False, False, True, True, True, True])
LIMITS = BlendLimits(max_flips=0.25, max_loss=0.25)


def _right(indices: list[int]) -> Tensor:
    right = torch.zeros(6, dtype=torch.bool)
    right[indices] = True
    return right


def _choose(weights: tuple[float, ...], right_at: Callable[[float], Tensor]) -> tuple[Blend, list[Blend]]:
    return choose_blend(weights, right_at, CHAMPION_RIGHT, IS_NEW, LIMITS)


def test_the_blend_that_learns_most_among_those_that_hold_the_old_is_chosen() -> None:
    answers = {0.9: _right([0, 1, 2]), 0.5: _right([0, 1, 2, 3, 4]), 0.1: _right([0, 2, 3, 4, 5])}
    chosen, tried = _choose((0.9, 0.5, 0.1), lambda weight: answers[weight])
    assert (chosen.weight, chosen.gain_new, chosen.negative_flips) == (0.5, 1.0, 0.25)
    assert [blend.weight for blend in tried] == [0.9, 0.5, 0.1]


def test_of_equal_blends_the_larger_share_is_chosen() -> None:
    chosen, _ = _choose((0.2, 0.6, 0.4), lambda weight: _right([0, 2, 3, 4, 5]))
    assert chosen.weight == 0.6


def test_where_none_holds_the_old_the_one_with_the_fewest_flips_is_shown_to_the_gate() -> None:
    answers = {0.9: _right([0, 1]), 0.3: _right([2, 3])}
    chosen, _ = _choose((0.9, 0.3), lambda weight: answers[weight])
    assert chosen.weight == 0.3
