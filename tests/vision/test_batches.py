import pytest
import torch

from vision.batches import cut, load


def test_a_last_batch_of_one_joins_the_batch_before_it() -> None:
    assert cut(range(9), 4, merge_single=True) == [[0, 1, 2, 3], [4, 5, 6, 7, 8]]
    assert cut(range(9), 4) == [[0, 1, 2, 3], [4, 5, 6, 7], [8]]
    assert cut(range(10), 4, merge_single=True)[-1] == [8, 9]
    assert cut([3], 4, merge_single=True) == [[3]]
    assert cut([], 4, merge_single=True) == []


@pytest.mark.parametrize("num_threads", [0, 3])
def test_batches_come_in_the_order_asked_for(num_threads: int) -> None:
    dataset = [(torch.full((2,), float(index)), index % 3) for index in range(20)]
    batches = [[5, 1], [0, 19, 7], [2], [3, 4], [8, 9]]
    loaded = list(load(dataset, batches, num_threads=num_threads))
    assert [images[:, 0].tolist() for images, _ in loaded] == batches
    assert [labels.tolist() for _, labels in loaded] == [[index % 3 for index in batch] for batch in batches]


@pytest.mark.parametrize("num_threads", [0, 2])
def test_an_error_of_one_image_reaches_the_caller(num_threads: int) -> None:
    with pytest.raises(IndexError):
        list(load([(torch.zeros(1), 0)], [[0], [1]], num_threads=num_threads))
