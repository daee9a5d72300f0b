"""How far to go towards the candidate's weights is chosen on validation."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from retrain.blend_choice import Blend, BlendSearch

# Two new samples that production gets wrong, four old ones that it gets right.
IS_NEW = torch.tensor([True, True, False, False, False, False])
CHAMPION_RIGHT = torch.tensor([False, False, True, True, True, True])
MAX_FLIPS = 0.25


def _right(indices: list[int]) -> Tensor:
    right = torch.zeros(6, dtype=torch.bool)
    right[indices] = True
    return right


def _choose(weights: tuple[float, ...], right_at: Callable[[float], Tensor]) -> tuple[Blend, list[Blend]]:
    search = BlendSearch(weights, right_at, CHAMPION_RIGHT, IS_NEW, MAX_FLIPS)
    return search.choose(), search.tried


def _wins(num_by_weight: dict[float, int], num_new: int = 100) -> Blend:
    """Choose among blends that win so many of the new samples, and lose nothing old."""
    champion = torch.zeros(num_new + 10, dtype=torch.bool)
    search = BlendSearch(
        tuple(num_by_weight),
        lambda weight: torch.arange(num_new + 10) < num_by_weight[weight],
        champion,
        torch.arange(num_new + 10) < num_new,
        MAX_FLIPS,
    )
    return search.choose()


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


def test_flips_hold_the_old_and_accuracy_is_not_asked() -> None:
    # One of four old ones is lost and none won, as where production was chosen on them.
    answers = {0.9: _right([0, 1, 2, 3, 4]), 0.1: _right([0, 2, 3, 4, 5])}
    search = BlendSearch((0.9, 0.1), lambda weight: answers[weight], CHAMPION_RIGHT, IS_NEW, max_flips=0.25)
    chosen = search.choose()
    assert (chosen.weight, chosen.gain_old, chosen.negative_flips) == (0.9, -0.25, 0.25)


def test_where_none_holds_the_old_the_one_with_the_fewest_flips_is_shown_to_the_gate() -> None:
    answers = {0.9: _right([0, 1]), 0.3: _right([2, 3])}
    chosen, _ = _choose((0.9, 0.3), lambda weight: answers[weight])
    assert chosen.weight == 0.3


SHARES = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1)


def _search(num_won: Callable[[float], float], num_lost: Callable[[float], float]) -> BlendSearch:
    """Return a search among blends that win and lose so many of 100 new and 100 old samples."""
    index = torch.arange(200)

    def right_at(share: float) -> Tensor:
        is_won, is_kept = index < num_won(share), index < 200 - num_lost(share)
        return torch.where(index < 100, is_won, is_kept)

    return BlendSearch(SHARES, right_at, index >= 100, index < 100, max_flips=0.04)


def test_where_all_of_the_candidate_holds_the_old_only_half_is_tried_beside_it() -> None:
    search = _search(lambda share: 30 * share, lambda share: 0)
    assert search.choose().weight == 1.0
    assert [blend.weight for blend in search.tried] == [1.0, 0.5]


@pytest.mark.parametrize("border", SHARES)
def test_the_border_is_found_with_at_most_six_blends(border: float) -> None:
    search = _search(lambda share: 30 * share, lambda share: 4 if share <= border else 5)
    assert search.choose().weight == border
    assert len(search.tried) <= 6


def test_no_blend_is_tried_twice() -> None:
    asked: list[float] = []

    def num_won(share: float) -> float:
        asked.append(share)
        return 30 * share

    search = _search(num_won, lambda share: 8 * share)
    search.smaller_share(search.choose().weight)
    assert len(asked) == len(set(asked)) == len(search.tried)


def test_the_second_attempt_is_half_of_the_first() -> None:
    # Three of 100 are won: 1.7 standard errors.
    search = _search(lambda share: 3, lambda share: 0)
    assert search.smaller_share(search.choose().weight) == 0.5


def test_the_second_attempt_is_less_where_validation_is_sure_of_less() -> None:
    # 9 of 100 are 3.1 standard errors, 8 are 2.9.
    search = _search(lambda share: 9 if share > 0.15 else 8, lambda share: 0)
    assert search.smaller_share(search.choose().weight) == 0.2


def test_a_blend_that_changes_nothing_is_not_sure_of_a_gain() -> None:
    search = _search(lambda share: 0, lambda share: 0)
    assert search.smaller_share(search.choose().weight) == 0.5


def test_one_validation_sample_is_sure_of_nothing() -> None:
    search = BlendSearch(
        (1.0, 0.1),
        lambda weight: torch.tensor([True, True]),
        torch.tensor([False, True]),
        torch.tensor([True, False]),
        MAX_FLIPS,
    )
    assert search.choose().weight == 1.0
    assert search.smaller_share(1.0) == 0.5
