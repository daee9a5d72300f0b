"""Finds rows that look otherwise: a group of their own among rows that look as in the reference."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitoring.drift.change_point import change_point

Rows = NDArray[np.float32]
Values = NDArray[np.floating]

_ITERATIONS = 8
_FIRST_SHARE = 0.2
_MIN_SHARE, _MAX_SHARE = 0.02, 0.98
#: Fewer rows than this are not spoken of.
MIN_ROWS = 20
#: In so many parts rows are held out, one after the other, to see whether what the others teach holds there.
NUM_FOLDS = 5
# Of the reference's scores: a row's bin says how unusual its score is.
_QUANTILES = (0.5, 0.8, 0.95, 0.99)
_USUAL = np.diff([0.0, *_QUANTILES, 1.0])
# Rows with the reference's shares that are added to those that shares are learnt from.
_SMOOTHING = 5.0


@dataclass(frozen=True, slots=True)
class OddRows:
    """Rows that look otherwise.

    Attributes:
        since: The first row of the time in which they come.
        probabilities: Of each recent row that it is one of them, in [0, 1], shape (M,).
        share: Of the rows since then that are.
        gain: By how many nats scores learnt on four fifths of these rows tell the others from the reference;
            about 0 or below where nothing looks otherwise.
    """

    since: int
    probabilities: Values
    share: float
    gain: float


def find_odd_rows(reference: Rows, recent: Rows, groups: Sequence[NDArray[np.int64]], begin: int) -> OddRows:
    """Find a group of rows that the recent ones hold and the reference does not.

    The recent rows are taken for a mixture: some are as in the reference, the others lie around a centre of
    their own with the same spread. What the reference itself holds around that centre is subtracted, so
    that an ordinary cluster is no group.

    Args:
        reference: Shape (N, D), with mean 0 and variance one along each direction.
        recent: Shape (M, D), likewise, in the order of time, M at least 20.
        groups: Recent rows in which the group may be: each is a start, and the best one wins.
        begin: The recent row at which the change is thought to be at first.

    Source:
        Dempster, Laird, Rubin, "Maximum Likelihood from Incomplete Data via the EM Algorithm", JRSS B 1977,
        for a mixture of which one part is known.
    """
    candidates = _candidates(reference, recent, groups, begin)
    return max(candidates, key=lambda candidate: candidate.gain)


def _candidates(
    reference: Rows, recent: Rows, groups: Sequence[NDArray[np.int64]], begin: int
) -> Iterator[OddRows]:
    for group in groups:
        since, centre = begin, recent[group].mean(axis=0)
        for _ in range(2):
            centre, share = _fit(reference, recent[since:], centre)
            scores = recent @ centre
            ratios = _log_ratios(reference @ centre, scores, learnt=scores[since:])
            since = min(change_point(ratios), len(recent) - MIN_ROWS)
        gain = _held_out_gain(reference, recent[since:], centre)
        yield OddRows(since, _probabilities(recent, centre, share), share, gain)


def _fit(reference: Rows, after: Rows, centre: Values) -> tuple[Values, float]:
    """Return the group's centre and its share of the rows."""
    share = _FIRST_SHARE
    for _ in range(_ITERATIONS):
        odd, usual = (_probabilities(rows, centre, share) for rows in (after, reference))
        share = float(np.clip(odd.mean() - usual.mean(), _MIN_SHARE, _MAX_SHARE))
        excess = odd @ after / np.float32(len(after)) - usual @ reference / np.float32(len(reference))
        centre = excess / np.float32(share)
    return centre, share


def _probabilities(rows: Rows, centre: Values, share: float) -> Values:
    log_ratio = np.clip(rows @ centre - centre @ centre / np.float32(2), -30, 30)
    return np.asarray(1 / (1 + np.float32((1 - share) / share) * np.exp(-log_ratio)))


def _log_ratios(reference: Values, scores: Values, learnt: Values) -> Values:
    """Return each score's log-likelihood ratio by its bin: as learnt, against the reference."""
    edges = np.quantile(reference, _QUANTILES)
    counts = np.bincount(np.searchsorted(edges, learnt), minlength=len(_USUAL))
    shares = (counts + _SMOOTHING * _USUAL) / (len(learnt) + _SMOOTHING)
    return np.asarray(np.log(shares / _USUAL)[np.searchsorted(edges, scores)])


def _held_out_gain(reference: Rows, after: Rows, centre: Values) -> float:
    gain = 0.0
    for fold in range(NUM_FOLDS):
        held_out = np.arange(len(after)) % NUM_FOLDS == fold
        learnt, other = after[~held_out], after[held_out]
        own, _ = _fit(reference, learnt, centre)
        gain += float(_log_ratios(reference @ own, other @ own, learnt @ own).sum())
    return gain
