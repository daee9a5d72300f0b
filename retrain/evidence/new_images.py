"""The fair new images of a round: a pool of live traffic, or what trusted keys sent with its label."""

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from retrain.dataset import RoundSamples
from retrain.evidence.image_hashes import hashes_of
from retrain.evidence.new_samples import MIN_DIRECT, asked_at, is_direct_round, is_trusted_direct
from retrain.evidence.pool import MAX_IMAGES, Candidate, order_pool
from store.database.database import Database
from store.evidence.held_out import HeldOutImage, held_out_since
from store.evidence.pools import LabelOf, labels_of
from store.samples.clusters import clusters_of, join, near_pairs, pairs_of_one
from store.samples.near_duplicates import near_split
from store.samples.sample import Sample
from store.samples.splits import SplitSettings
from store.state import State
from store.version_history import MAIN_SHARE
from vision.decoding import ImageLimits

# Some of them are near-duplicates, or near to what was learnt.
_MAX_CANDIDATES = MAX_IMAGES + MAX_IMAGES // 2
_PAGE = 5000
_NUM_LOOKED_UP = 200


@dataclass(frozen=True, slots=True)
class NewImage:
    """An image that judges as new, or a near-duplicate of one.

    Attributes:
        sha256: Of its bytes.
        cluster: Near-duplicates share a number.
        source: Who asked for its prediction, or sent it with its label.
    """

    sha256: str
    cluster: int
    source: str


@dataclass(frozen=True, slots=True)
class NewImages:
    """The fair new images of a round.

    Attributes:
        origin: Whether they were predicted ("pool") or came with their label ("direct").
        judging: One of each cluster, in the order in which they judge.
        others: Their near-duplicates.
        labels: What people said of them, by SHA-256.
        learnt_from: The main sources of what the round learns; none where trusted keys' own images judge.
    """

    origin: Literal["pool", "direct"]
    judging: tuple[NewImage, ...]
    others: tuple[NewImage, ...]
    labels: Mapping[str, LabelOf]
    learnt_from: frozenset[str] = frozenset()


def read_new_images(
    state: State, samples: RoundSamples, limits: ImageLimits, min_direct: int = MIN_DIRECT
) -> NewImages:
    """Return the fair new images of a round.

    Where at least half of the new samples came directly from trusted keys, and enough of them are held out,
    those are the evidence, as their sender says what the classifier is for. Else it is the pool: the held-out
    images that the log has seen since the oldest of the new samples.
    """
    direct = [sample for sample in samples.new_holdout if is_trusted_direct(sample)]
    new = (*samples.new_training, *samples.new_validation, *samples.new_holdout)
    if is_direct_round(sum(map(is_trusted_direct, new)), len(new), len(direct), min_direct):
        return _direct_images(direct)
    since = min(map(asked_at, new))
    candidates = heapq.nsmallest(
        _MAX_CANDIDATES, _held_out(state.database, since), key=lambda each: each.rank
    )
    # Superiority is tested on known classes alone.
    of_classes = {sample.sha256 for sample in samples.class_holdout}
    candidates = [image for image in candidates if image.sha256 not in of_classes]
    judging, others = _clustered(_hashed(state, candidates, limits))
    with state.database.read() as connection:
        labels = labels_of(connection, [image.sha256 for image in judging])
    learnt_from = _main_sources(samples.new_training)
    return NewImages("pool", tuple(judging), tuple(others), labels, learnt_from)


def _main_sources(samples: Sequence[Sample]) -> frozenset[str]:
    nums = Counter(sample.source for sample in samples)
    return frozenset(source for source, num in nums.items() if num >= MAIN_SHARE * len(samples))


def _direct_images(samples: Sequence[Sample]) -> NewImages:
    images = [
        NewImage(sample.sha256, cluster, sample.source)
        for sample, cluster in zip(samples, clusters_of(samples), strict=True)
    ]
    first = {image.cluster: image for image in reversed(images)}
    return NewImages(
        "direct",
        tuple(image for image in images if first[image.cluster] is image),
        tuple(image for image in images if first[image.cluster] is not image),
        {sample.sha256: LabelOf(sample.label, False, sample.source, sample.is_trusted) for sample in samples},
    )


def _held_out(database: Database, since: datetime) -> Iterator[HeldOutImage]:
    """Yield the images that may judge, in short reads."""
    last: HeldOutImage | None = None
    while True:
        with database.read() as connection:
            page = held_out_since(connection, since, last, _PAGE)
        yield from page
        if len(page) < _PAGE:
            return
        last = page[-1]


def _hashed(
    state: State, images: Sequence[HeldOutImage], limits: ImageLimits
) -> list[tuple[HeldOutImage, int]]:
    """Return images with their perceptual hash, but for those near to what was learnt or is golden."""
    hashes = hashes_of(state.blobs, (image.sha256 for image in images), limits)
    hashed = [(image, hashes[image.sha256]) for image in images if image.sha256 in hashes]
    distance = SplitSettings().near_duplicate_distance
    fair = []
    for start in range(0, len(hashed), _NUM_LOOKED_UP):
        with state.database.read() as connection:
            fair += [
                (image, phash)
                for image, phash in hashed[start : start + _NUM_LOOKED_UP]
                if near_split(connection, phash, distance) in (None, "holdout")
            ]
    return fair


def _clustered(hashed: Iterable[tuple[HeldOutImage, int]]) -> tuple[list[NewImage], list[NewImage]]:
    """Return the images that judge, in their order, and their near-duplicates."""
    images = list(hashed)
    groups = [None if image.group is None else (image.source, image.group) for image, _ in images]
    pairs = [*pairs_of_one(groups), *near_pairs([phash for _, phash in images])]
    clusters = join(len(images), pairs)
    candidates = [
        Candidate(image.sha256, image.rank, image.source, cluster)
        for (image, _), cluster in zip(images, clusters, strict=True)
    ]
    ordered = order_pool(candidates)
    judging = {image.sha256 for image in ordered}
    return [_new_image(image) for image in ordered], [
        _new_image(image) for image in candidates if image.sha256 not in judging
    ]


def _new_image(image: Candidate) -> NewImage:
    return NewImage(image.sha256, image.cluster, image.source)
