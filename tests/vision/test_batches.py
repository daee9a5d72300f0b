import torch

from vision.batches import into_batches, load


def test_a_last_batch_of_one_joins_the_batch_before_it() -> None:
    assert into_batches(range(9), 4, merge_single=True) == [[0, 1, 2, 3], [4, 5, 6, 7, 8]]
    assert into_batches(range(9), 4) == [[0, 1, 2, 3], [4, 5, 6, 7], [8]]
    assert into_batches(range(10), 4, merge_single=True)[-1] == [8, 9]
    assert into_batches([3], 4, merge_single=True) == [[3]]
    assert into_batches([], 4, merge_single=True) == []


def test_batches_come_in_the_given_order() -> None:
    dataset = [(torch.full((2,), float(index)), index % 3) for index in range(20)]
    batches = [[5, 1], [0, 19, 7], [2], [3, 4], [8, 9]]
    loaded = list(load(dataset, batches))
    assert [images[:, 0].tolist() for images, _ in loaded] == batches
    assert [labels.tolist() for _, labels in loaded] == [[index % 3 for index in batch] for batch in batches]
