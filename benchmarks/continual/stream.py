"""The world of one seed: what is learnt first, and drifts that come one after another."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.continual.corruptions import CORRUPTIONS, corrupted
from benchmarks.photographs import Photograph, read_by_class, turns

IMAGE_SIZE = 48
#: One round learns 500 of so many; the others choose and judge.
NUM_FEEDBACK = 740
NUM_INITIAL = 7000
NUM_UNSEEN = 1000
#: Of ten, those that come four times as often in the last drift.
_FREQUENT = 2
_MIX = "class_mix"


@dataclass(frozen=True, slots=True)
class Drift:
    """One change of the world.

    Attributes:
        name: Such as "fog".
        feedback: What users send, with labels.
        unseen: To measure on only.
    """

    name: str
    feedback: tuple[Photograph, ...]
    unseen: tuple[Photograph, ...]


@dataclass(frozen=True, slots=True)
class Stream:
    """What is learnt first, unseen pictures like those, and the drifts in their order."""

    initial: tuple[Photograph, ...]
    unseen: tuple[Photograph, ...]
    drifts: tuple[Drift, ...]

    @property
    def class_names(self) -> tuple[str, ...]:
        """All classes, as versions order them."""
        return tuple(sorted({photograph.label for photograph in self.initial}))

    def exams(self) -> dict[str, tuple[Photograph, ...]]:
        """Return the unseen pictures by what they are of, "old" first."""
        return {"old": self.unseen} | {drift.name: drift.unseen for drift in self.drifts}


def make_stream(archive: Path, seed: int, num_rounds: int | None = None) -> Stream:
    """Cut an archive of photographs; no picture is in two parts.

    Args:
        archive: A tar of `train/CLASS/*` and `test/CLASS/*`.
        seed: Decides which picture is where, and the order of the corruptions.
        num_rounds: Rounds on corruptions only, repeated where there are more than four; None has each
            corruption once, and then a changed class mix.
    """
    rng = np.random.default_rng(seed)
    train, test = (read_by_class(archive, part, rng) for part in ("train", "test"))
    names = [str(name) for name in rng.permutation(list(CORRUPTIONS))]
    order = [*names, _MIX] if num_rounds is None else [names[n % len(names)] for n in range(num_rounds)]
    num_pictures = sum(map(len, train.values()))
    num_initial = min(NUM_INITIAL, num_pictures - NUM_FEEDBACK * len(order))
    drifts = []
    for number, name in enumerate(order):
        start = num_initial + number * NUM_FEEDBACK
        feedback = turns(train, start, start + NUM_FEEDBACK)
        unseen = _unseen(test, number % len(names) + 1)
        if name == _MIX:
            unseen = _mixed(turns(test, 0, 10**9), NUM_UNSEEN, rng)
            feedback = _mixed(turns(train, start, num_pictures), NUM_FEEDBACK, rng)
        else:
            feedback, unseen = (
                tuple(corrupted(photograph, name, rng) for photograph in part) for part in (feedback, unseen)
            )
        drifts.append(Drift(f"{number + 1} {name}", feedback, unseen))
    return Stream(turns(train, 0, num_initial), _unseen(test, 0), tuple(drifts))


def _unseen(test: dict[str, list[Photograph]], part: int) -> tuple[Photograph, ...]:
    # 3,000 pictures of each kind are shared by the exams: a picture may be in two, under two corruptions.
    num = len(test) * min(len(pictures) for pictures in test.values())
    start = part * NUM_UNSEEN % num
    return turns(test, start, start + NUM_UNSEEN)


def _mixed(photographs: Sequence[Photograph], num: int, rng: np.random.Generator) -> tuple[Photograph, ...]:
    """Draw pictures in which the first two classes come four times as often as the others."""
    names = sorted({photograph.label for photograph in photographs})
    weights = np.array([4.0 if names.index(p.label) < _FREQUENT else 1.0 for p in photographs])
    drawn = rng.choice(len(photographs), num, replace=False, p=weights / weights.sum())
    return tuple(photographs[index] for index in drawn)
