"""Chooses old samples to rehearse, so that learning the new doesn't overwrite the old."""

from collections.abc import Mapping, Sequence
from typing import Final, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

_FIRST_TRAINING: Final = 0


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


def replay(samples: Sequence[S], num: int, round_of: Mapping[int, int], rng: np.random.Generator) -> list[S]:
    """Draw old samples of every time, without replacement, as many of each class as possible.

    Half of them are what rounds learnt, so that what changed since the first training is not forgotten
    behind what it began with. Among the rounds, shares go with the square root of their size.

    Args:
        samples: The replay buffer: what versions in production's ancestry were trained on.
        num: How many to draw; all come back, shuffled, where there are fewer.
        round_of: The round that first learnt a sample, by the sample's id; none for the first training.
        rng: Draws them.
    """
    by_round: dict[int, list[S]] = {}
    for sample in samples:
        by_round.setdefault(round_of.get(sample.id, _FIRST_TRAINING), []).append(sample)
    parts = [by_round[number] for number in sorted(by_round)]
    weights = np.sqrt([len(part) for part in parts])
    if len(parts) > 1 and _FIRST_TRAINING in by_round:
        weights[0] = weights[1:].sum()
    shares = _shares([len(part) for part in parts], num, rng, weights)
    drawn = [
        sample
        for part, share in zip(parts, shares, strict=True)
        for sample in class_balanced_replay(part, share, rng)
    ]
    return [drawn[index] for index in rng.permutation(len(drawn))]


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


def _shares(
    sizes: Sequence[int],
    num: int,
    rng: np.random.Generator,
    weights: NDArray[np.floating] | None = None,
) -> list[int]:
    """Return how many to draw of each part: by weight as far as the sizes allow, the remainder by lot.

    Without weights all parts weigh alike.
    """
    shares = np.zeros(len(sizes), dtype=int)
    left = np.array(sizes, dtype=int)
    all_weights = np.ones(len(sizes)) if weights is None else weights
    wanted = min(max(num, 0), int(left.sum()))
    while wanted:
        open_weights = np.where(left > 0, all_weights, 0.0)
        open_weights /= open_weights.sum()
        given = np.minimum(left, np.floor(wanted * open_weights + 1e-9).astype(int))
        if not given.any():
            given[rng.choice(len(sizes), wanted, replace=False, p=open_weights)] = 1
        shares += given
        left -= given
        wanted -= int(given.sum())
    return [int(share) for share in shares]
