"""Streams with a known truth: photographs that become dark, of other classes, or otherwise in one class."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.drift.pool import Pool
from monitoring.drift.observations import Observations
from monitoring.drift.stream import Row, distinct

NUM_REFERENCE = 2000
NUM_STREAM = 10_000
#: Rows without drift before it begins: the longest window is full then.
NUM_BEFORE = 1000
_NUM_DRIFTED = 1500
_TIMES_ASKED = 5
_BURST = 5

Indices = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Stream:
    """One stream, and what is true of it.

    Attributes:
        reference: What is normal.
        rows: What comes in, oldest first.
        start: The first row after the change; the stream's length where nothing changes.
        is_drifted: Which rows are of the drifted kind.
        classes: The classes that moved, none where all or none did.
        kind: What an explanation should say.
    """

    reference: Observations
    rows: Observations
    start: int
    is_drifted: NDArray[np.bool_]
    classes: tuple[int, ...] = ()
    kind: str = ""


def steady(pool: Pool, rng: np.random.Generator) -> Stream:
    """Return a stream in which nothing changes: each photograph once."""
    reference, rest = _cut(pool, rng)
    return _steady(pool, reference, rest[:NUM_STREAM])


def repeated(pool: Pool, rng: np.random.Generator) -> Stream:
    """Return a stream of requests that ask for each image five times, as the product thins it out."""
    reference, rest = _cut(pool, rng)
    asked = rng.permutation(np.repeat(rest[: NUM_STREAM // _TIMES_ASKED], _TIMES_ASKED))
    return _steady(pool, reference, asked[distinct(_requests(pool, asked))])


def in_bursts(pool: Pool, rng: np.random.Generator) -> Stream:
    """Return requests that come in bursts of one group, of one class each, thinned out likewise."""
    reference, rest = _cut(pool, rng)
    in_order = rest[np.argsort(pool.classes[rest], kind="stable")]
    bursts = in_order[: len(in_order) // _BURST * _BURST].reshape(-1, _BURST)
    asked = rng.permutation(bursts).reshape(-1)[:NUM_STREAM]
    groups = [str(number // _BURST) for number in range(len(asked))]
    return _steady(pool, reference, asked[distinct(_requests(pool, asked, groups))])


def half_by_night(pool: Pool, rng: np.random.Generator) -> Stream:
    """Return a stream of which half is by night after the change."""
    reference, rest = _cut(pool, rng)
    rows = rest[: NUM_BEFORE + _NUM_DRIFTED]
    is_drifted = (np.arange(len(rows)) >= NUM_BEFORE) & (rng.random(len(rows)) < 0.5)
    return Stream(
        pool.variants["day"].rows(reference),
        _mixed(pool, rows, is_drifted, "night"),
        NUM_BEFORE,
        is_drifted,
        kind="looks",
    )


def other_mix(pool: Pool, rng: np.random.Generator) -> Stream:
    """Return a stream of which half is of two classes after the change, and half as before."""
    reference, rest = _cut(pool, rng)
    two = rng.choice(pool.num_classes, 2, replace=False)
    before, later = rest[:NUM_BEFORE], rest[NUM_BEFORE:]
    of_two, of_all = later[np.isin(pool.classes[later], two)], later
    num_of_two = min(_NUM_DRIFTED // 2, len(of_two))
    chosen = of_two[:num_of_two]
    others = np.setdiff1d(of_all, chosen)
    after = rng.permutation(np.concatenate([chosen, rng.choice(others, num_of_two, replace=False)]))
    rows = np.concatenate([before, after])
    is_drifted = (np.arange(len(rows)) >= NUM_BEFORE) & np.isin(pool.classes[rows], two)
    day = pool.variants["day"]
    return Stream(
        day.rows(reference), day.rows(rows), NUM_BEFORE, is_drifted, tuple(map(int, two)), "class_mix"
    )


def one_class(variant: str) -> Callable[[Pool, np.random.Generator], Stream]:
    """Return what makes streams in which the images of one class are of another variant after the change."""

    def make(pool: Pool, rng: np.random.Generator) -> Stream:
        reference, rest = _cut(pool, rng)
        moved = int(rng.integers(pool.num_classes))
        rows = rest[: NUM_BEFORE + _NUM_DRIFTED]
        is_drifted = (np.arange(len(rows)) >= NUM_BEFORE) & (pool.classes[rows] == moved)
        return Stream(
            pool.variants["day"].rows(reference),
            _mixed(pool, rows, is_drifted, variant),
            NUM_BEFORE,
            is_drifted,
            (moved,),
            "looks",
        )

    return make


def _cut(pool: Pool, rng: np.random.Generator) -> tuple[Indices, Indices]:
    """Return photographs for the reference, and the others, both in random order."""
    order = rng.permutation(len(pool.classes))
    return order[:NUM_REFERENCE], order[NUM_REFERENCE:]


def _steady(pool: Pool, reference: Indices, rows: Indices) -> Stream:
    day = pool.variants["day"]
    return Stream(day.rows(reference), day.rows(rows), len(rows), np.zeros(len(rows), dtype=np.bool_))


def _requests(pool: Pool, asked: Indices, groups: list[str] | None = None) -> list[Row]:
    return [
        Row(str(photograph), int(pool.hashes[photograph]), None if groups is None else groups[number])
        for number, photograph in enumerate(asked)
    ]


def _mixed(pool: Pool, rows: Indices, is_drifted: NDArray[np.bool_], variant: str) -> Observations:
    """Return the rows by day, and those that are drifted in the other variant."""
    day, other = (pool.variants[name].rows(rows) for name in ("day", variant))
    return Observations(
        np.where(is_drifted[:, None], other.embeddings, day.embeddings),
        np.where(is_drifted, other.labels, day.labels),
        np.where(is_drifted, other.confidences, day.confidences),
    )
