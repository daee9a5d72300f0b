from pathlib import Path

import pytest
import torch
from torch import Tensor

from vision.errors import TooFewSamplesError
from vision.network import Weights
from vision.training.strategies import Strategy
from vision.training.strategy_choice import (
    BY_COST,
    cheapest_within_one_error,
    strategies_in_turn,
    strategies_to_try,
)


@pytest.mark.parametrize(
    ("samples_per_class", "weights", "expected"),
    [
        (99, "default", ("linear_probe",)),
        (100, "default", ("linear_probe", "partial")),
        (1000, "bundled", ("linear_probe", "partial")),
        (1001, Path("weights.pth"), ("linear_probe", "full")),
        (10, "none", ("full",)),
    ],
)
def test_extraction_comes_first_and_more_needs_more_images(
    samples_per_class: int, weights: Weights, expected: tuple[Strategy, ...]
) -> None:
    assert strategies_in_turn(samples_per_class, weights) == expected


def test_the_best_is_kept_where_it_is_surely_better() -> None:
    losses: dict[Strategy, Tensor] = {
        "linear_probe": torch.tensor([0.9, 1.1, 1.0, 1.0]),
        "partial": torch.tensor([0.4, 0.6, 0.5, 0.4]),
        "full": torch.tensor([0.2, 0.4, 0.3, 0.2]),
    }
    assert cheapest_within_one_error(losses) == "full"


def test_one_image_that_went_better_does_not_pay_for_a_costly_strategy() -> None:
    # They are alike on 35 of 36 images, so the mean difference is one standard error of itself.
    probe = torch.full((36,), 0.1)
    full = probe.clone()
    full[0] = 0.0
    assert cheapest_within_one_error({"full": full, "linear_probe": probe}) == "linear_probe"


def test_images_that_are_hard_for_all_do_not_hide_a_difference() -> None:
    hard = torch.tensor([0.1, 5.0] * 18)
    better = hard - 0.2 + 0.01 * torch.randn(36)
    assert cheapest_within_one_error({"linear_probe": hard, "partial": better}) == "partial"


def test_among_equals_and_on_a_single_image_the_cheapest_is_kept() -> None:
    same = torch.tensor([0.3, 0.4])
    assert cheapest_within_one_error(dict.fromkeys(reversed(BY_COST), same)) == "linear_probe"
    single: dict[Strategy, Tensor] = {"full": torch.tensor([0.0]), "gradual": torch.tensor([9.0])}
    assert cheapest_within_one_error(single) == "gradual"


def test_without_pretrained_weights_there_is_no_choice() -> None:
    assert strategies_to_try("none") == ("full",)
    assert strategies_to_try("bundled") == BY_COST


def test_nothing_to_choose_on_is_refused() -> None:
    with pytest.raises(TooFewSamplesError):
        cheapest_within_one_error({"full": torch.zeros(0)})
    with pytest.raises(TooFewSamplesError):
        cheapest_within_one_error({})
