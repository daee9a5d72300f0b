"""Names the sources whose labels are doubted more often than others' of like images; a pure function."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import hypergeom  # type: ignore[attr-defined]  # scipy comes without types

#: How often a round may name anybody, where all sources label equally well.
ALPHA = 0.01
#: A source is named only if more than so many of its labels are doubtful.
MIN_SHARE = 0.5
#: A source with fewer labels that can be compared is never named.
MIN_LABELS = 20
# Edges between the bins of the champion's confidence.
_BINS = (0.3, 0.5, 0.7, 0.9)


@dataclass(frozen=True, slots=True)
class SourceDoubt:
    """What the doubts say of one source.

    Attributes:
        source: Its name.
        num_labels: How many labels it gave.
        num_doubtful: How many of them are doubtful.
        num_compared: How many are of a class and confidence of which others gave labels too.
        share_doubtful: Of the compared ones, the share that is doubtful; 0 without any.
        share_of_others: The share that would be, were these labels doubted as often as others' of their kind.
        p_value: How probable so many doubtful ones are if it labels as well as others do; 1 without any.
        is_named: Over half are doubtful, and chance does not explain it.
    """

    source: str
    num_labels: int
    num_doubtful: int
    num_compared: int
    share_doubtful: float
    share_of_others: float
    p_value: float
    is_named: bool


def name_sources(
    sources: Sequence[str],
    labels: NDArray[np.int64],
    confidences: NDArray[np.float64],
    is_doubtful: NDArray[np.bool_],
) -> list[SourceDoubt]:
    """Return what the doubts say of each source, by name.

    Each source is compared with all others within a label and a bin of the champion's confidence, by the
    exact one-sided Cochran-Mantel-Haenszel test, so that nobody is named for labelling hard images or
    classes. The level is divided by the number of sources (Bonferroni).

    Args:
        sources: Of each label, (n,).
        labels: Indices of classes, (n,).
        confidences: The champion's of its own answer, (n,), in [0, 1].
        is_doubtful: (n,).

    Source:
        Mantel and Haenszel, "Statistical Aspects of the Analysis of Data From Retrospective Studies of
        Disease", JNCI 1959; exact as in Agresti, "Categorical Data Analysis", 3rd edition, section 7.3.5.
    """
    names = sorted(set(sources))
    given_by = np.array([names.index(source) for source in sources])
    strata = labels * (len(_BINS) + 1) + np.digitize(confidences, _BINS)
    return [
        _doubt_of(name, given_by == number, strata, is_doubtful, ALPHA / len(names))
        for number, name in enumerate(names)
    ]


def _doubt_of(
    name: str,
    is_own: NDArray[np.bool_],
    strata: NDArray[np.int64],
    is_doubtful: NDArray[np.bool_],
    alpha: float,
) -> SourceDoubt:
    distribution, num_compared, num_doubtful, expected = np.ones(1), 0, 0, 0.0
    for stratum in np.unique(strata[is_own]):
        here = strata == stratum
        num_all, num_own = int(here.sum()), int((here & is_own).sum())
        if num_own == num_all:
            continue
        num_compared += num_own
        num_doubtful += int((here & is_own & is_doubtful).sum())
        expected += num_own * float(is_doubtful[here & ~is_own].mean())
        # How many of the stratum's doubtful labels are this source's, if each is as likely as another.
        chances = hypergeom.pmf(np.arange(num_own + 1), num_all, int((here & is_doubtful).sum()), num_own)
        distribution = np.convolve(distribution, chances)
    p_value = min(1.0, float(distribution[num_doubtful:].sum()))
    share = num_doubtful / num_compared if num_compared else 0.0
    return SourceDoubt(
        source=name,
        num_labels=int(is_own.sum()),
        num_doubtful=int((is_own & is_doubtful).sum()),
        num_compared=num_compared,
        share_doubtful=share,
        share_of_others=expected / num_compared if num_compared else 0.0,
        p_value=p_value,
        is_named=num_compared >= MIN_LABELS and share > MIN_SHARE and p_value <= alpha,
    )
