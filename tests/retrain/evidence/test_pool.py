"""Which images a pool takes, in which order, and where it ends."""

import numpy as np

from retrain.evidence.pool import MAX_QUESTIONS, Candidate, order_pool, pool_size


def candidate(rank: int, source: str = "ann", cluster: int | None = None) -> Candidate:
    return Candidate(f"{rank:04}", rank, source, rank if cluster is None else cluster)


def test_images_are_taken_in_the_order_of_their_keyed_hash() -> None:
    images = [candidate(3), candidate(1), candidate(2)]
    assert [image.rank for image in order_pool(images)] == [1, 2, 3]


def test_one_image_stands_for_its_cluster() -> None:
    images = [candidate(5, cluster=1), candidate(2, cluster=1), candidate(3, cluster=7)]
    assert [image.rank for image in order_pool(images)] == [2, 3]


def test_a_cluster_of_two_sources_has_one_vote() -> None:
    images = [candidate(5, "ann", cluster=1), candidate(2, "ben", cluster=1)]
    assert [(image.rank, image.source) for image in order_pool(images)] == [(2, "ben")]


def test_a_source_gives_a_fifth_at_most_while_others_have_images_left() -> None:
    # Mallory's hashes come first; twenty others have three images each.
    images = [candidate(rank, "mallory") for rank in range(100)]
    images += [candidate(1000 + rank, f"source {rank % 20}") for rank in range(60)]
    ordered = order_pool(images)
    is_own = np.array([image.source == "mallory" for image in ordered])
    num = np.arange(5, 76)
    assert np.all(np.cumsum(is_own)[num - 1] <= num / 5)
    # 60 others and their fifth; then mallory has images left, and others none.
    assert is_own[:75].sum() == 15
    assert is_own[75:].all()
    assert len(ordered) == 160


def test_sources_that_are_fewer_than_five_give_alike() -> None:
    images = [candidate(rank, "ann") for rank in range(50)]
    images += [candidate(100 + rank, "ben") for rank in range(50)]
    first = [image.source for image in order_pool(images)[:40]]
    assert first.count("ann") == first.count("ben") == 20


def test_a_pool_of_nothing_is_empty() -> None:
    assert order_pool([]) == []


def test_a_pool_ends_with_forty_open_questions() -> None:
    assert MAX_QUESTIONS == 40
    is_open = np.arange(200) % 3 == 0
    # The fortieth is image 117, the 118th.
    assert pool_size(is_open) == 118
    assert pool_size(is_open[:118]) == 118
    assert pool_size(is_open[:117]) is None


def test_labelled_images_do_not_end_a_pool() -> None:
    assert pool_size(np.zeros(2000, dtype=np.bool_)) is None
