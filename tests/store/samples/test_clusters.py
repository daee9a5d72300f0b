import random
from dataclasses import replace
from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from store.samples.clusters import clusters_of, join, near_any, near_pairs, pairs_of_one, voters
from store.samples.near_duplicates import num_differing_bits
from tests.store.sample_work import GOLDEN

SAMPLE = GOLDEN
PHOTOGRAPH = GOLDEN.phash
OTHER = PHOTOGRAPH ^ 0xFF00FF


def test_of_near_duplicates_with_one_label_only_the_first_votes() -> None:
    samples = [replace(SAMPLE, id=number, phash=PHOTOGRAPH ^ bits) for number, bits in enumerate((0, 0b1111))]
    assert voters(samples) == samples[:1]
    farther = replace(SAMPLE, id=2, phash=PHOTOGRAPH ^ 0b11111 << 40)
    assert voters([*samples, farther]) == [samples[0], farther]


def test_near_duplicates_with_other_labels_both_vote() -> None:
    samples = [SAMPLE, replace(SAMPLE, id=2, label="bees")]
    assert voters(samples) == samples


def test_a_group_has_one_vote_and_another_sources_group_of_that_name_its_own() -> None:
    first, second = (replace(SAMPLE, phash=phash, group="burst") for phash in (PHOTOGRAPH, OTHER))
    stranger = replace(SAMPLE, phash=~PHOTOGRAPH, group="burst", source="ann")
    assert voters([first, second, stranger]) == [first, stranger]


def test_neighbours_of_neighbours_are_of_one_cluster() -> None:
    chain = [replace(SAMPLE, phash=PHOTOGRAPH ^ bits) for bits in (0, 0b1111, 0b11111111)]
    assert clusters_of(chain) == [0, 0, 0]
    assert clusters_of([chain[0], chain[2]]) == [0, 1]


def test_flat_pictures_are_not_alike_because_their_hashes_are() -> None:
    assert list(near_pairs([0, 0, 1])) == []


def test_what_has_no_group_is_joined_with_nothing() -> None:
    assert list(pairs_of_one([None, "a", None, "a", "a"])) == [(1, 3), (1, 4)]


@given(st.integers(1, 12).flatmap(lambda num: st.tuples(st.just(num), _pairs(num))))
def test_clusters_are_the_connected_parts_whatever_the_order_of_the_pairs(
    drawn: tuple[int, list[tuple[int, int]]],
) -> None:
    num, pairs = drawn
    numbers = join(num, pairs)
    assert all(numbers[first] == numbers[second] for first, second in pairs)
    assert numbers == join(num, [(second, first) for first, second in reversed(pairs)])
    # Each pair joins two clusters at most.
    assert len(set(numbers)) >= num - len(pairs)
    assert [numbers.index(number) for number in dict.fromkeys(numbers)] == sorted(
        numbers.index(number) for number in set(numbers)
    )


def _pairs(num: int) -> st.SearchStrategy[list[tuple[int, int]]]:
    index = st.integers(0, num - 1)
    return st.lists(st.tuples(index, index), max_size=num)


def test_no_near_pair_is_missed() -> None:
    rng = random.Random(0)
    bases = [rng.getrandbits(64) for _ in range(20)]
    hashes = [base ^ sum(1 << bit for bit in rng.sample(range(64), rng.randrange(7))) for base in bases * 10]
    clusters = join(len(hashes), near_pairs(hashes))
    for first, second in combinations(range(len(hashes)), 2):
        if num_differing_bits(hashes[first], hashes[second]) <= 4:
            assert clusters[first] == clusters[second]
    expected = [
        (one, two)
        for one, two in combinations(range(len(hashes)), 2)
        if num_differing_bits(hashes[one], hashes[two]) <= 4
    ]
    assert clusters == join(len(hashes), expected)


def test_near_any_names_the_images_that_have_a_near_duplicate_among_others() -> None:
    assert near_any([PHOTOGRAPH, OTHER, 0], [PHOTOGRAPH ^ 0b1111, 0, 1]) == {0}
    assert near_any([PHOTOGRAPH, OTHER], [PHOTOGRAPH ^ 0b11111 << 40, OTHER]) == {1}
    assert near_any([], [PHOTOGRAPH]) == set()
