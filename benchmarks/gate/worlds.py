"""Draws what production and a candidate would answer, with a known truth; it calls no rule of the product."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

Flags = NDArray[np.bool_]
Rng = np.random.Generator

_NUM_GOLDEN = 1500
_NUM_ALBUMS = 20  # draws of hashes, since to compare them takes a while
_NUM_VALIDATION_NEW, _NUM_VALIDATION_OLD = 60, 900


@dataclass(frozen=True, slots=True)
class Answers:
    """Right or wrong, for production and a candidate on the same images.

    `kept` is uniform in [0, 1): a blend with the share a keeps the differences where it is below a. So blends
    are nested, as those of two networks nearly are.
    """

    champion: Flags
    candidate: Flags
    kept: NDArray[np.float64]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.champion)

    def blended(self, share: float) -> Flags:
        """Return where the blend is right."""
        return np.where(self.kept < share, self.candidate, self.champion)

    def chosen(self, is_chosen: Flags | NDArray[np.int64]) -> "Answers":
        """Return those of some of the images."""
        return Answers(
            self.champion[is_chosen], self.candidate[is_chosen], self.kept[is_chosen], self.labels[is_chosen]
        )

    def losing(self, is_lost: Flags) -> "Answers":
        """Return the same with wrong answers of the candidate on some images."""
        return replace(self, candidate=self.candidate & ~is_lost)


def draw(num: int, gain: float, disagreement: float, rng: Rng, accuracy: float = 0.8) -> Answers:
    """Draw the answers of production, and of a candidate truly better by `gain`."""
    champion = rng.random(num) < accuracy
    return flipped(champion, gain, disagreement, rng, accuracy)


def flipped(champion: Flags, gain: float, disagreement: float, rng: Rng, accuracy: float) -> Answers:
    """Draw a candidate's answers where production's are known; `accuracy` is production's true one."""
    lost = (disagreement - gain) / 2 / accuracy
    won = (disagreement + gain) / 2 / (1 - accuracy)
    flips = rng.random(len(champion)) < np.where(champion, lost, won)
    return Answers(champion, champion ^ flips, rng.random(len(champion)), np.arange(len(champion)) % 10)


@dataclass(frozen=True, slots=True)
class Users:
    """Who labels what, as shares.

    Attributes:
        right: Of production's right answers, those that get a label by themselves.
        wrong: The same of its wrong answers.
        answering: Of the open questions, those that are answered; 0 with nobody at the queue.
    """

    right: float = 1.0
    wrong: float = 1.0
    answering: float = 0.0


@dataclass(frozen=True, slots=True)
class Live:
    """Held-out live images, some of them labelled.

    Attributes:
        answers: What both answer.
        is_labelled: Whether somebody labelled each before the round.
        sources: Who asked for each, and labels it.
        phashes: Perceptual hashes, 64 bits, signed; None where no two are near.
    """

    answers: Answers
    is_labelled: Flags
    sources: NDArray[np.object_]
    phashes: tuple[int, ...] | None = None

    def __len__(self) -> int:
        return len(self.answers)

    def chosen(self, index: NDArray[np.int64]) -> "Live":
        """Return some of the images, in their order."""
        return Live(self.answers.chosen(index), self.is_labelled[index], self.sources[index])


def live(answers: Answers, users: Users, rng: Rng, sources: NDArray[np.object_] | None = None) -> Live:
    """Draw who labels what.

    Args:
        answers: What both answer.
        users: How they label.
        rng: Draws.
        sources: Who asked for each image; one source where it is None.
    """
    is_labelled = rng.random(len(answers)) < np.where(answers.champion, users.right, users.wrong)
    return Live(
        answers, is_labelled, np.full(len(answers), "user", dtype=object) if sources is None else sources
    )


def burst(answers: Answers, num_each: int, users: Users, rng: Rng) -> Live:
    """Draw pictures that come together, so many of each thing, with hashes that differ by some bits."""
    together = live(answers.chosen(np.repeat(np.arange(len(answers)), num_each)), users, rng)
    return replace(together, phashes=_phashes(len(answers), num_each, int(rng.integers(_NUM_ALBUMS))))


@cache
def _phashes(num_things: int, num_each: int, album: int) -> tuple[int, ...]:
    rng = np.random.default_rng([num_things, num_each, album])
    things = rng.random((num_things, 64)) < 0.5
    # Two pictures of one thing differ in 2.5 bits on average; one pair in ten is no near-duplicate.
    bits = np.repeat(things, num_each, axis=0) ^ (rng.random((num_things * num_each, 64)) < 0.02)
    hashes: list[int] = np.packbits(bits, axis=1).view(">i8").ravel().tolist()
    return tuple(hashes)


@dataclass(frozen=True, slots=True)
class World:
    """What one round meets.

    Attributes:
        new: Held-out live images.
        golden: The golden set.
        validation_new: New images that choices are made on.
        validation_old: Old ones.
        slices: The holdouts of promoted rounds.
        anchor: What the lineage's anchor answers rightly on golden; None where it is production.
        forgotten: Classes that the candidate forgot, also where it learnt them.
        num_classes: All classes.
        longer: The same images with the answers of a candidate that was trained longer; None where it
            answers alike.
    """

    new: Live
    golden: Answers
    validation_new: Answers
    validation_old: Answers
    slices: tuple[Answers, ...] = ()
    anchor: Flags | None = None
    forgotten: Collection[int] = ()
    num_classes: int = 10
    longer: "World | None" = None


def world(
    new: Live,
    rng: Rng,
    *,
    gain_new: float,
    differing_new: float,
    loss: float = 0.0,
    differing_old: float = 0.06,
    num_golden: int = _NUM_GOLDEN,
    accuracy_new: float = 0.8,
) -> World:
    """Return a world with these live images, and old ones on which the candidate loses `loss`."""
    return World(
        new,
        draw(num_golden, -loss, differing_old, rng),
        draw(_NUM_VALIDATION_NEW, gain_new, differing_new, rng, accuracy_new),
        draw(_NUM_VALIDATION_OLD, -loss, differing_old, rng),
    )


def with_longer(base: World, gain: float, differing: float, rng: Rng) -> World:
    """Return a world with a second candidate as good as its first, for the attempt that is trained longer.

    Args:
        base: The world.
        gain: By which both are truly better on new images; on old ones they are equal.
        differing: Share of new images on which they differ from production.
        rng: Draws.
    """

    def again(answers: Answers, gain: float, differing: float) -> Answers:
        return replace(flipped(answers.champion, gain, differing, rng, 0.8), labels=answers.labels)

    longer = replace(
        base,
        new=replace(base.new, answers=again(base.new.answers, gain, differing)),
        golden=again(base.golden, 0.0, 0.06),
        validation_new=again(base.validation_new, gain, differing),
        validation_old=again(base.validation_old, 0.0, 0.06),
    )
    return replace(base, longer=longer)
