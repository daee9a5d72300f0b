"""The watch's rule: counts of a watch in, its decision out."""

import math
from dataclasses import dataclass
from typing import Final, Literal

from scipy.special import betaincc, betaln

Decision = Literal["watching", "rolled_back", "confirmed", "unconfirmed"]

#: Evidence from which a watch decides; an equal version reaches it in at most one watch of a hundred.
MIN_EVIDENCE: Final = 100.0
#: More images than this are not waited for.
MAX_IMAGES: Final = 5000
#: So many are the first that come; all later ones are draws, so that a watch sees weeks and not an hour.
NUM_FIRST_IMAGES: Final = 500
# Less than this share of the images is not worth a swap.
_MIN_SHARE = 0.01
# The greatest float is about e^709.
_MAX_LOG = 700.0


@dataclass(frozen=True, slots=True)
class Tally:
    """What a watch has counted.

    Attributes:
        num_images: Images that production and predecessor answered, one of each cluster.
        num_lost: Images that only the predecessor answered rightly, b.
        num_won: Images that only production answered rightly, c.
        num_open: Images that they answered differently and whose label nobody gave yet.
        num_neither: Images that they answered differently and both wrongly.
    """

    num_images: int
    num_lost: int
    num_won: int
    num_open: int = 0
    num_neither: int = 0


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
    loss where it would be confirmed. So who labels what can only delay. From 5,000 images on without a
    decision production stays unconfirmed.
    """
    lost, won, still_open = tally.num_lost, tally.num_won, tally.num_open
    if _is_decisive(lost, won + still_open, tally.num_images):
        return "rolled_back"
    if _is_decisive(won, lost + still_open, tally.num_images):
        return "confirmed"
    return "watching" if tally.num_images < MAX_IMAGES else "unconfirmed"


def _is_decisive(num_for: int, num_against: int, num_images: int) -> bool:
    is_worth_it = num_for > num_against and num_for - num_against >= _MIN_SHARE * num_images
    return is_worth_it and evidence(num_for, num_against) >= MIN_EVIDENCE
