import torch
from torch import Tensor

from retrain.interpolation import Ballot, choose_blend

# Two new samples that production gets wrong, four old ones that it gets right.
BALLOT = Ballot(
    labels=torch.zeros(6, dtype=torch.int64),
    is_new=torch.tensor([True, True, False, False, False, False]),
    champion_right=torch.tensor([False, False, True, True, True, True]),
    max_flips=0.25,
    max_loss=0.25,
)


def _logits(right: list[int]) -> Tensor:
    answers = torch.ones(6, dtype=torch.int64)
    answers[right] = 0
    return torch.nn.functional.one_hot(answers, 2).float()


def test_the_blend_that_learns_most_among_those_that_hold_the_old_is_chosen() -> None:
    answers = {0.9: _logits([0, 1, 2]), 0.5: _logits([0, 1, 2, 3, 4]), 0.1: _logits([0, 2, 3, 4, 5])}
    chosen, tried = choose_blend((0.9, 0.5, 0.1), lambda weight: answers[weight], BALLOT)
    assert (chosen.weight, chosen.gain_new, chosen.negative_flips) == (0.5, 1.0, 0.25)
    assert [blend.weight for blend in tried] == [0.9, 0.5, 0.1]


def test_of_equal_blends_the_larger_share_is_chosen() -> None:
    chosen, _ = choose_blend((0.2, 0.6, 0.4), lambda weight: _logits([0, 2, 3, 4, 5]), BALLOT)
    assert chosen.weight == 0.6


def test_where_none_holds_the_old_the_one_with_the_fewest_flips_is_shown_to_the_gate() -> None:
    answers = {0.9: _logits([0, 1]), 0.3: _logits([2, 3])}
    chosen, _ = choose_blend((0.9, 0.3), lambda weight: answers[weight], BALLOT)
    assert chosen.weight == 0.3
