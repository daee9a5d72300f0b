"""The images that tell what a candidate lost: the golden set, its reserve, and the slices of rounds."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from retrain.dataset import Item, items_of
from store.samples.clusters import voters
from store.samples.pending import replayable
from store.samples.sample import Sample
from store.slices import GOLDEN_PREFIX

_NUM_LEARNT = 30
# A reserve is taken of golden sets at least this large, and with so many images of each class.
_MIN_GOLDEN, _MIN_GOLDEN_OF_CLASS = 2000, 30
# Ranks are below 2 ** 63: a fifth of them are below this.
_RESERVE_BELOW = 2**63 // 5


@dataclass(frozen=True, slots=True)
class Part:
    """Images that are measured together: a slice, or the champion's own answers to logged images."""

    slice: str
    items: tuple[Item, ...]

    def __len__(self) -> int:
        return len(self.items)

    def labels(self) -> NDArray[np.int64]:
        """Return the class indices, shape (n,)."""
        return np.array([item.label for item in self.items], dtype=np.int64)


@dataclass(frozen=True, slots=True)
class OldImages:
    """The old images of a round, one a cluster.

    Attributes:
        golden: The golden slices: of the lineage's first training, and those that later ones added.
        slices: The slices of promoted rounds, the history first.
        reserve: Golden images that no verdict reads; empty where the golden set is small.
        agreement: Logged images with the champion's answers as labels, for a champion without golden images.
    """

    golden: tuple[Part, ...] = ()
    slices: tuple[Part, ...] = ()
    reserve: Part = Part("reserve", ())
    agreement: Part | None = None

    @property
    def judging(self) -> list[Part]:
        """The parts that verdicts read and whose labels people gave."""
        return [*self.golden, *self.slices]

    @property
    def items(self) -> list[Item]:
        """All images whose labels people gave, those of the reserve among them."""
        return [item for part in (*self.judging, self.reserve) for item in part.items]


def old_images(
    slices: Mapping[str, Sequence[Sample]],
    class_names: Sequence[str],
    rank: Callable[[str], int],
    agreement: Part | None = None,
) -> OldImages:
    """Return the images of slices that have a vote.

    Of a cluster that reaches across slices the golden image votes, or the one of the oldest slice.

    Args:
        slices: Slice → its samples, oldest slice first.
        class_names: The champion's.
        rank: Returns an image's keyed hash, from 0 to 2**63 - 1, by its SHA-256.
        agreement: As in `OldImages`.
    """
    names = sorted(slices, key=lambda name: not name.startswith(GOLDEN_PREFIX))
    slice_of = {sample.id: name for name in reversed(names) for sample in slices[name]}
    samples = {sample.id: sample for name in names for sample in slices[name]}
    voting: dict[str, list[Sample]] = {name: [] for name in names}
    for sample in voters(list(samples.values())):
        voting[slice_of[sample.id]].append(sample)
    golden = {name: part for name, part in voting.items() if name.startswith(GOLDEN_PREFIX)}
    reserve = _reserve([sample for part in golden.values() for sample in part], class_names, rank)
    in_reserve = {sample.id for sample in reserve}

    def part_of(name: str) -> Part:
        judging = [sample for sample in voting[name] if sample.id not in in_reserve]
        return Part(name, tuple(items_of(judging, class_names)))

    return OldImages(
        golden=tuple(part_of(name) for name in golden),
        slices=tuple(part_of(name) for name in names if name not in golden),
        reserve=Part("reserve", tuple(items_of(reserve, class_names))),
        agreement=agreement,
    )


def _reserve(
    golden: Sequence[Sample], class_names: Sequence[str], rank: Callable[[str], int]
) -> list[Sample]:
    counts = Counter(sample.label for sample in golden)
    if len(golden) < _MIN_GOLDEN or any(counts[name] < _MIN_GOLDEN_OF_CLASS for name in class_names):
        return []
    return [sample for sample in golden if rank(sample.sha256) < _RESERVE_BELOW]


def learnt_items(connection: Connection, class_names: Sequence[str], label: int) -> list[Item]:
    """Return 30 images of a class that production's line learnt, one a cluster; the same each time."""
    learnt = replayable(connection, [class_names[label]])
    # A digest's order says nothing about its image.
    drawn = voters(sorted(learnt, key=lambda sample: sample.sha256))
    return items_of(drawn[:_NUM_LEARNT], class_names)
