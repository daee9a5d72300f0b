import pytest
import torch
from torch import Tensor

from vision.errors import TooFewSamplesError
from vision.training.cross_validation import NUM_FOLDS, Embedded, out_of_fold


@pytest.mark.parametrize("num", [4, 5, 23, 50])
def test_every_embedding_is_answered_in_its_place_by_what_has_not_seen_it(num: int) -> None:
    numbers = torch.arange(num, dtype=torch.float32).unsqueeze(1)
    labels = torch.arange(num) % 3
    learnt_sizes = []

    def answer(learnt: Embedded, held_out: Tensor) -> Tensor:
        assert not set(learnt[0].flatten().tolist()) & set(held_out.flatten().tolist())
        assert torch.equal(learnt[1], learnt[0].flatten().long() % 3)
        learnt_sizes.append(len(learnt[0]))
        return held_out * torch.ones(2, 1, 4)

    logits = out_of_fold((numbers, labels), answer)
    assert torch.equal(logits, numbers * torch.ones(2, 1, 4))
    assert len(learnt_sizes) == min(NUM_FOLDS, -(-num // 3))


def test_the_folds_hold_as_many_of_each_class() -> None:
    labels = torch.tensor([0] * 40 + [1] * 10)
    fold_counts: list[list[int]] = []

    def answer(learnt: Embedded, held_out: Tensor) -> Tensor:
        fold_counts.append((torch.bincount(labels) - torch.bincount(learnt[1])).tolist())
        return held_out

    out_of_fold((torch.randn(50, 2), labels), answer)
    assert fold_counts == [[8, 2]] * 5


def test_views_of_one_image_are_never_parted() -> None:
    images = torch.arange(7).repeat(3)
    labels = images % 2

    def answer(learnt: Embedded, held_out: Tensor) -> Tensor:
        assert not set(learnt[0].flatten().tolist()) & set(held_out.flatten().tolist())
        return held_out

    numbers = images.float().unsqueeze(1)
    assert torch.equal(out_of_fold((numbers, labels), answer, images), numbers)


@pytest.mark.parametrize("num", [0, 1, 2])
def test_one_embedding_of_a_class_is_too_few(num: int) -> None:
    with pytest.raises(TooFewSamplesError, match="two images at least"):
        out_of_fold((torch.zeros(num, 2), torch.arange(num)), lambda learnt, held_out: held_out)
