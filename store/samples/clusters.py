"""Groups images that show one thing into clusters, each of which has one vote."""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Sequence

from store.samples.near_duplicates import (
    MAX_DISTANCE,
    is_informative,
    num_differing_bits,
    parts_near,
    parts_of,
)
from store.samples.sample import Sample
from store.samples.splits import SplitSettings

_DISTANCE = SplitSettings().near_duplicate_distance


def voters(samples: Sequence[Sample], distance: int = _DISTANCE) -> list[Sample]:
    """Return the first sample of each cluster, in their order.

    Samples are of one cluster where they are of one group of one source, or where they have one label and
    nearly one picture. Neighbours of neighbours are of one cluster too.

    Args:
        samples: Labelled ones; put those first that should vote.
        distance: Bits of the perceptual hash in which two pictures of one thing may differ.
    """
    seen: set[int] = set()
    chosen = []
    for sample, cluster in zip(samples, clusters_of(samples, distance), strict=True):
        if cluster not in seen:
            seen.add(cluster)
            chosen.append(sample)
    return chosen


def clusters_of(samples: Sequence[Sample], distance: int = _DISTANCE) -> list[int]:
    """Return the number of each sample's cluster; see `voters`."""
    pairs = list(pairs_of_one([None if s.group is None else (s.source, s.group) for s in samples]))
    by_label: defaultdict[str | None, list[int]] = defaultdict(list)
    for index, sample in enumerate(samples):
        by_label[sample.label].append(index)
    # Pictures of few details, such as digits, may have one hash and other labels: they are other things.
    for indices in by_label.values():
        near = near_pairs([samples[index].phash for index in indices], distance)
        pairs += [(indices[first], indices[second]) for first, second in near]
    return join(len(samples), pairs)


def join(num: int, pairs: Iterable[tuple[int, int]]) -> list[int]:
    """Return the number of each image's cluster, numbered by their first images.

    Args:
        num: Images, 0 to num - 1.
        pairs: Indices of two images that belong together.

    Source:
        Tarjan, "Efficiency of a good but not linear set union algorithm", JACM 1975.

    >>> join(4, [(1, 3)])
    [0, 1, 2, 1]
    """
    parents = list(range(num))

    def root(index: int) -> int:
        while parents[index] != index:
            # Halves the path, so that the next search is short.
            parents[index] = index = parents[parents[index]]
        return index

    for first, second in pairs:
        one, other = root(first), root(second)
        # The first image of a cluster stays its root.
        parents[max(one, other)] = min(one, other)
    numbers: dict[int, int] = {}
    return [numbers.setdefault(root(index), len(numbers)) for index in range(num)]


def pairs_of_one(keys: Sequence[Hashable | None]) -> Iterator[tuple[int, int]]:
    """Yield pairs that join the images of each key, such as a group; None joins nothing."""
    first: dict[Hashable, int] = {}
    for index, key in enumerate(keys):
        if key is not None and first.setdefault(key, index) != index:
            yield first[key], index


def near_pairs(phashes: Sequence[int], distance: int = _DISTANCE) -> Iterator[tuple[int, int]]:
    """Yield pairs that join all images whose hashes are nearly the same.

    Args:
        phashes: Perceptual hashes, signed, 64 bits; those that say nothing about the picture are passed over.
        distance: Bits that may differ, 5 at most.
    """
    limit = min(distance, MAX_DISTANCE)
    first: dict[int, int] = {}
    known: defaultdict[int, list[int]] = defaultdict(list)
    for index, phash in enumerate(phashes):
        if not is_informative(phash):
            continue
        if phash in first:
            yield first[phash], index
            continue
        near = {other for part in parts_near(phash) for other in known.get(part, ())}
        yield from ((first[other], index) for other in near if num_differing_bits(phash, other) <= limit)
        first[phash] = index
        for part in parts_of(phash):
            known[part].append(phash)


def near_any(phashes: Sequence[int], others: Iterable[int], distance: int = _DISTANCE) -> set[int]:
    """Return the indices of those of `phashes` that are nearly the same as any of `others`.

    It takes three look-ups for each of the others, of which there may be many more.
    """
    limit = min(distance, MAX_DISTANCE)
    near: defaultdict[int, list[int]] = defaultdict(list)
    for index, phash in enumerate(phashes):
        if is_informative(phash):
            for part in parts_near(phash):
                near[part].append(index)
    return {
        index
        for other in others
        if is_informative(other)
        for part in parts_of(other)
        for index in near.get(part, ())
        if num_differing_bits(phashes[index], other) <= limit
    }
