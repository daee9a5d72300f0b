"""Thins a log of requests out to distinct images, so that what is asked often doesn't count often."""

from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

#: Perceptual hashes that differ in so many bits are of nearly the same picture.
MAX_HASH_DISTANCE = 4
# A photograph's hash has 32 of 64 bits set; those of flat pictures are all alike, and say nothing.
_INFORMATIVE_BITS = range(16, 49)
# Over how many of the last images a source's share of the kept ones is counted, and what it may be: so many
# are always allowed, so that the first ones are.
_WINDOW = 1000
_MAX_SHARE = 0.2
_ALLOWANCE = 10
# A source that sends less of these images does not hold the others up.
_ACTIVE_SHARE = 0.05


@dataclass(frozen=True, slots=True)
class Row:
    """What is known of one request.

    Attributes:
        sha256: Of the image's bytes.
        phash: The perceptual hash, signed 64 bits; None where there is none.
        group: What the client says belongs together, such as one patient's images.
        source: Whose key sent it; None where there are no keys.
    """

    sha256: str
    phash: int | None = None
    group: str | None = None
    source: str | None = None


def distinct(rows: Sequence[Row]) -> NDArray[np.int64]:
    """Return the indices of the rows that make the stream, in order.

    Kept is the first of each content, of near-duplicates, and of each group. Of those kept among the
    last 1,000 a source has a fifth at most, and ten; where fewer than five send, an equal share. A source
    that sent under a twentieth of them is not counted among the five. A row's fate depends on the rows before
    it only, so a longer log begins with the same stream.

    Args:
        rows: Of the log, oldest first.

    >>> list(distinct([Row("a"), Row("b", group="burst"), Row("a"), Row("c", group="burst"), Row("d")]))
    [0, 1, 4]
    """
    known: set[str] = set()
    hashes = _Hashes(len(rows))
    shares = _Shares()
    kept = []
    for index, row in enumerate(rows):
        names = {f"content {row.sha256}", *([] if row.group is None else [f"group {row.group}"])}
        if names & known or hashes.has_near(row.phash) or not shares.admits(row.source):
            continue
        known |= names
        hashes.add(row.phash)
        kept.append(index)
    return np.array(kept, dtype=np.int64)


class _Hashes:
    """The hashes that were kept, compared all at once."""

    def __init__(self, most: int) -> None:
        self._kept = np.zeros(most, dtype=np.uint64)
        self._num = 0

    def has_near(self, phash: int | None) -> bool:
        if phash is None:
            return False
        differing = np.bitwise_count(self._kept[: self._num] ^ _unsigned(phash))
        return bool((differing <= MAX_HASH_DISTANCE).any())

    def add(self, phash: int | None) -> None:
        if phash is not None and int(np.bitwise_count(_unsigned(phash))) in _INFORMATIVE_BITS:
            self._kept[self._num] = _unsigned(phash)
            self._num += 1


class _Shares:
    """Of the last images that came with a source: how many each sent, and how many of these were kept."""

    def __init__(self) -> None:
        self._last: deque[tuple[str, bool]] = deque()
        self._sent: Counter[str] = Counter()
        self._kept: Counter[str] = Counter()

    def admits(self, source: str | None) -> bool:
        """Take note of an image, and return whether it may be kept."""
        if source is None:
            return True
        is_kept = self._kept[source] + 1 <= self._share() * self._kept.total() + _ALLOWANCE
        self._last.append((source, is_kept))
        self._sent[source] += 1
        self._kept[source] += is_kept
        # Counted by what came, not by what was kept: else all could be at their limit and wait for ever.
        if len(self._last) > _WINDOW:
            oldest, was_kept = self._last.popleft()
            self._sent[oldest] -= 1
            self._kept[oldest] -= was_kept
        return is_kept

    def _share(self) -> float:
        num_active = sum(num > _ACTIVE_SHARE * len(self._last) for num in self._sent.values())
        return max(_MAX_SHARE, 1 / max(1, num_active))


def _unsigned(phash: int) -> np.uint64:
    return np.uint64(phash & (1 << 64) - 1)
