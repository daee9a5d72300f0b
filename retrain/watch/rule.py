"""The watch's rule: counts of a watch in, its decision out."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import compress
from typing import Final, Literal

from scipy.special import betaincc, betaln

Decision = Literal["watching", "rolled_back", "confirmed", "unconfirmed"]

#: Evidence from which a watch decides; an equal version reaches it in at most one watch of a hundred.
MIN_EVIDENCE: Final = 100.0
#: Evidence that must be left without any one source of labels. One liar among three gets through in 5 watches
#: of 100 at most, and in some 3 more before a third source has labelled anything.
MIN_EVIDENCE_WITHOUT: Final = 20.0
#: More images than this are not waited for.
MAX_IMAGES: Final = 5000
#: So many are the first that come; all later ones are draws, so that a watch sees weeks and not an hour.
NUM_FIRST_IMAGES: Final = 500
#: From so many sources of labels on none decides alone, unless it is trusted.
MIN_SOURCES: Final = 3
# Less than this share of the images is not worth a swap.
_MIN_SHARE = 0.01
# The greatest float is about e^709.
_MAX_LOG = 700.0


@dataclass(frozen=True, slots=True)
class LabelCounts:
    """What one source said where production and predecessor differ: images lost, won and neither."""

    num_lost: int = 0
    num_won: int = 0
    num_neither: int = 0

    @property
    def num(self) -> int:
        """All of them."""
        return self.num_lost + self.num_won + self.num_neither


@dataclass(frozen=True, slots=True)
class Tally:
    """What a watch has counted.

    Attributes:
        num_images: Images that production and predecessor answered, one of each cluster.
        num_lost: Images that only the predecessor answered rightly, b.
        num_won: Images that only production answered rightly, c.
        num_open: Images that they answered differently and whose label nobody gave yet.
        num_neither: Images that they answered differently and both wrongly.
        by_source: Source of labels → its part of those that are lost, won and neither.
        learnt_from: The main sources of what production learnt.
        trusted: Sources, of these labels and of what was learnt, that gave trusted labels.
    """

    num_images: int
    num_lost: int
    num_won: int
    num_open: int = 0
    num_neither: int = 0
    by_source: Mapping[str, LabelCounts] = field(default_factory=dict)
    learnt_from: frozenset[str] = frozenset()
    trusted: frozenset[str] = frozenset()

    def without(self, source: str) -> "Tally":
        """Return the counts without the images that a source labelled."""
        counts = self.by_source[source]
        return Tally(
            self.num_images - counts.num,
            self.num_lost - counts.num_lost,
            self.num_won - counts.num_won,
            self.num_open,
            self.num_neither - counts.num_neither,
        )


def evidence(num_lost: int, num_won: int) -> float:
    """Return the evidence that production loses more often than it wins, at least 0.

    M = 2^(b+c+1) · B(b+1, c+1) · P(Beta(b+1, c+1) > 1/2), with b losses and c wins: how much likelier they
    are where each difference is lost with some share over a half, all such shares alike, than where it is
    lost with a half. It may be looked at after every image: where the share is a half or less, it ever
    reaches m with a chance of at most 1/m.

    Args:
        num_lost: Images that only the predecessor answered rightly, b.
        num_won: Images that only production answered rightly, c.

    Source:
        Ville, "Étude critique de la notion de collectif", 1939; Robbins, "Statistical Methods Related to the
        Law of the Iterated Logarithm", Ann. Math. Statist. 41, 1970; Waudby-Smith and Ramdas, "Estimating
        means of bounded random variables by betting", J. R. Stat. Soc. B 86, 2024.

    >>> evidence(0, 0), round(evidence(9, 0), 1)
    (1.0, 102.3)
    """
    above_half = float(betaincc(num_lost + 1, num_won + 1, 0.5))
    if above_half == 0:
        return 0.0
    log = (num_lost + num_won + 1) * math.log(2) + betaln(num_lost + 1, num_won + 1) + math.log(above_half)
    return math.exp(min(log, _MAX_LOG))


def decide(tally: Tally) -> Decision:
    """Return what follows from a watch's counts.

    An open difference counts against either decision: as a win where production would be rolled back, as a
    loss where it would be confirmed. So who labels what can only delay. Where others are known, a source that
    nobody trusts does not decide alone: see `decisive_source`. From 5,000 images on without a decision
    production stays unconfirmed.
    """
    decision = _favoured(tally, MIN_EVIDENCE)
    if decision is not None and decisive_source(tally) is None:
        return decision
    return "watching" if tally.num_images < MAX_IMAGES else "unconfirmed"


def decisive_source(tally: Tally) -> str | None:
    """Return the untrusted source of labels that decides alone: without it too little evidence is left.

    It is asked where three sources are known, or a trusted one: those of the watch's labels, and those of
    what production learnt. So whoever labels first can't take back what others taught.
    """
    decision = _favoured(tally, MIN_EVIDENCE)
    known = tally.by_source.keys() | tally.learnt_from
    if decision is None or (len(known) < MIN_SOURCES and not tally.trusted):
        return None
    untrusted = [source for source in tally.by_source if source not in tally.trusted]
    is_alone = (_favoured(tally.without(each), MIN_EVIDENCE_WITHOUT) != decision for each in untrusted)
    return next(compress(untrusted, is_alone), None)


def _favoured(tally: Tally, min_evidence: float) -> Literal["rolled_back", "confirmed"] | None:
    lost, won, still_open = tally.num_lost, tally.num_won, tally.num_open
    if _is_decisive(lost, won + still_open, tally.num_images, min_evidence):
        return "rolled_back"
    if _is_decisive(won, lost + still_open, tally.num_images, min_evidence):
        return "confirmed"
    return None


def _is_decisive(num_for: int, num_against: int, num_images: int, min_evidence: float) -> bool:
    is_worth_it = num_for > num_against and num_for - num_against >= _MIN_SHARE * num_images
    return is_worth_it and evidence(num_for, num_against) >= min_evidence
