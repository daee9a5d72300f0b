"""How far to go towards the candidate's weights is chosen on validation."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from retrain.blend_choice import Blend, BlendLimits, choose_blend, limits_for, smaller_share

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


def _wins(num_by_weight: dict[float, int], num_new: int = 100) -> Blend:
    """Choose among blends that win so many of the new samples, and lose nothing old."""
    champion = torch.zeros(num_new + 10, dtype=torch.bool)
    chosen, _ = choose_blend(
        tuple(num_by_weight),
        lambda weight: torch.arange(num_new + 10) < num_by_weight[weight],
        champion,
        torch.arange(num_new + 10) < num_new,
        LIMITS,
    )
    return chosen


def test_the_blend_that_learns_most_among_those_that_hold_the_old_is_chosen() -> None:
    answers = {0.9: _right([0, 1, 2]), 0.5: _right([0, 1, 2, 3, 4]), 0.1: _right([2, 3, 4, 5])}
    chosen, tried = _choose((0.9, 0.5, 0.1), lambda weight: answers[weight])
    assert (chosen.weight, chosen.gain_new, chosen.negative_flips) == (0.5, 1.0, 0.25)
    assert [blend.weight for blend in tried] == [0.9, 0.5, 0.1]


def test_of_equal_blends_the_larger_share_is_chosen() -> None:
    chosen, _ = _choose((0.2, 0.6, 0.4), lambda weight: _right([0, 2, 3, 4, 5]))
    assert chosen.weight == 0.6


def test_a_larger_share_is_chosen_within_one_standard_error_of_the_best() -> None:
    # 20 of 100 won: the error is √(.2 · .8 / 99) = .0402, four samples and no fifth.
    assert _wins({0.9: 16, 0.4: 20}).weight == 0.9
    assert _wins({0.9: 15, 0.4: 20}).weight == 0.4


def test_a_loss_of_accuracy_over_the_limit_does_not_hold_the_old() -> None:
    limits = BlendLimits(max_flips=1.0, max_loss=0.25)
    answers = {0.9: _right([0, 1, 2, 3]), 0.3: _right([0, 2, 3, 4])}
    chosen, _ = choose_blend((0.9, 0.3), lambda weight: answers[weight], CHAMPION_RIGHT, IS_NEW, limits)
    assert chosen.weight == 0.3


def test_where_none_holds_the_old_the_one_with_the_fewest_flips_is_shown_to_the_gate() -> None:
    answers = {0.9: _right([0, 1]), 0.3: _right([2, 3])}
    chosen, _ = _choose((0.9, 0.3), lambda weight: answers[weight])
    assert chosen.weight == 0.3


def test_the_limits_leave_a_fifth_of_the_gates_flips_and_two_fifths_of_its_margin() -> None:
    limits = limits_for(margin=0.02, caution=0.8, max_negative_flips=0.05)
    assert limits.max_flips == pytest.approx(0.04)
    assert limits.max_loss == pytest.approx(0.008)


def _blend(weight: float, gain: float, error: float) -> Blend:
    return Blend(weight, gain, error, 0.0, 0.0)


def test_the_second_attempt_is_half_of_the_first() -> None:
    unsure = [_blend(0.1, 0.02, 0.01), _blend(0.8, 0.05, 0.02)]
    assert smaller_share(unsure[1], unsure) == 0.4


def test_the_second_attempt_is_less_where_validation_is_sure_of_less() -> None:
    tried = [_blend(0.1, 0.02, 0.01), _blend(0.2, 0.06, 0.02), _blend(0.8, 0.4, 0.05)]
    assert smaller_share(tried[2], tried) == 0.2


def test_a_blend_that_changes_nothing_is_not_sure_of_a_gain() -> None:
    tried = [_blend(0.1, 0.0, 0.0), _blend(0.6, 0.05, 0.02)]
    assert smaller_share(tried[1], tried) == 0.3


def test_one_validation_sample_is_sure_of_nothing() -> None:
    chosen, tried = choose_blend(
        (1.0, 0.1),
        lambda weight: torch.tensor([True, True]),
        torch.tensor([False, True]),
        torch.tensor([True, False]),
        LIMITS,
    )
    assert chosen.weight == 1.0
    assert smaller_share(chosen, tried) == 0.5
