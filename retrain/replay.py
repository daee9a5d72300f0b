"""Chooses old samples to rehearse, so that learning the new doesn't overwrite the old."""

from collections.abc import Sequence
from typing import Protocol, TypeVar

import numpy as np


class Replayable(Protocol):
    """A stored sample, as far as replay looks at it."""

    @property
    def id(self) -> int:
        """Its number in the store."""
        ...

    @property
    def label(self) -> str | None:
        """Its class; None while nobody knows it."""
        ...

    @property
    def sha256(self) -> str:
        """The digest of its image."""
        ...


S = TypeVar("S", bound=Replayable)


def class_balanced_replay(samples: Sequence[S], num: int, rng: np.random.Generator) -> list[S]:
    """Draw old samples without replacement, as many of each class as the classes' sizes allow.

    A class with fewer than its share gives all it has, and the others give more. The draw depends on the
    samples and the generator only, not on the samples' order. Samples without a label are left out.

    Args:
        samples: The replay buffer: what versions in production's ancestry were trained on.
        num: How many to draw; all come back, shuffled, where there are fewer.
        rng: Draws them.

    Source:
        Chaudhry et al., "On Tiny Episodic Memories in Continual Learning", 2019 (rehearsal from a small
        memory, balanced by class).
    """
    by_class: dict[str, list[S]] = {}
    for sample in sorted(samples, key=lambda each: each.id):
        if sample.label is not None:
            by_class.setdefault(sample.label, []).append(sample)
    classes = [by_class[label] for label in sorted(by_class)]
    shares = _shares([len(members) for members in classes], num, rng)
    drawn = [
        members[index]
        for members, share in zip(classes, shares, strict=True)
        for index in rng.permutation(len(members))[:share]
    ]
    return [drawn[index] for index in rng.permutation(len(drawn))]


def _shares(sizes: Sequence[int], num: int, rng: np.random.Generator) -> list[int]:
    """Return how many to draw of each class: as even as the sizes allow, the remainder by lot."""
    shares = np.zeros(len(sizes), dtype=int)
    left = np.array(sizes, dtype=int)
    wanted = min(max(num, 0), int(left.sum()))
    while wanted:
        open_classes = np.flatnonzero(left)
        each = wanted // len(open_classes)
        if each == 0:
            open_classes, each = rng.choice(open_classes, wanted, replace=False), 1
        given = np.minimum(left[open_classes], each)
        shares[open_classes] += given
        left[open_classes] -= given
        wanted -= int(given.sum())
    return [int(share) for share in shares]
