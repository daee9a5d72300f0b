"""The pool: the held-out images of live traffic on which a candidate is judged as new."""

from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MAX_IMAGES = 2000
#: Open questions with which a pool ends: so few that all can be answered, and enough to find a candidate
#: that is better by 5 points where the two differ on 10 % of the images. Being right on 27 of 40 proves it,
#: and 90 % of such candidates are.
MAX_QUESTIONS = 40
# A source gives one image of so many.
_MIN_SPACING = 5


@dataclass(frozen=True, slots=True)
class Candidate:
    """A held-out image that may join the pool.

    Attributes:
        sha256: Names its bytes.
        rank: Its keyed hash, which nobody can choose or foresee.
        source: Who asked for the prediction.
        cluster: Near-duplicates share a number.
    """

    sha256: str
    rank: int
    source: str
    cluster: int


def order_pool(candidates: Iterable[Candidate]) -> list[Candidate]:
    """Return one image a cluster, in the order in which a pool takes them.

    That is the order of their ranks, but a source waits where one more image would make its share over a
    fifth. Where all wait, because few have images left, the one that gave least is next.
    """
    by_source: defaultdict[str, deque[Candidate]] = defaultdict(deque)
    clusters: set[int] = set()
    for image in sorted(candidates, key=lambda each: (each.rank, each.sha256)):
        if image.cluster not in clusters:
            clusters.add(image.cluster)
            by_source[image.source].append(image)
    ordered: list[Candidate] = []
    num_taken: defaultdict[str, int] = defaultdict(int)
    while len(by_source) > 1:
        num_next = len(ordered) + 1
        free = [source for source in by_source if _MIN_SPACING * (num_taken[source] + 1) <= num_next]
        if free:
            source = min(free, key=lambda name: by_source[name][0].rank)
        else:
            source = min(by_source, key=lambda name: (num_taken[name], by_source[name][0].rank))
        ordered.append(by_source[source].popleft())
        num_taken[source] += 1
        if not by_source[source]:
            del by_source[source]
    return [*ordered, *(image for left in by_source.values() for image in left)]


def pool_size(is_open: NDArray[np.bool_] | Sequence[bool], max_questions: int = MAX_QUESTIONS) -> int | None:
    """Return how many images, in their order, hold `max_questions`; None if that takes more images.

    An open question is an image on which the two differ and that nobody labelled. Images with a label cost
    nobody anything, so they don't end a pool.
    """
    reached = np.flatnonzero(np.cumsum(is_open) >= max_questions)
    return int(reached[0]) + 1 if len(reached) else None
