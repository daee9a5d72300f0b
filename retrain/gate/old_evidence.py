"""The gate's checks on old samples: nothing that production knows may be lost."""

import math
from collections.abc import Sequence
from statistics import NormalDist

from retrain.gate.mcnemar import holm, p_worse
from retrain.gate.outcomes import AGREEMENT, Outcomes
from retrain.gate.paired_difference import lower_bound, upper_bound
from retrain.gate.settings import GateSettings
from retrain.gate.verdict import Check

_MARGIN_SPREADS = 2.49  # z(95 %) + z(80 %): equals pass 4 times in 5
_USUAL_DISAGREEMENT = 0.06
_MIN_MARGIN, _MAX_MARGIN = 0.02, 0.05


def margin_for(num_golden: int) -> float:
    """Return the loss on old that the gate can't tell from none, a fraction in [.02, .05].

    It depends on the number of golden images alone and is fixed when `train` runs: an equal candidate that
    disagrees on 6 % of them passes 4 times in 5.

    >>> round(margin_for(320), 3)
    0.034
    """
    if num_golden <= 0:
        return _MAX_MARGIN
    margin = _MARGIN_SPREADS * math.sqrt(_USUAL_DISAGREEMENT / num_golden)
    return min(_MAX_MARGIN, max(_MIN_MARGIN, margin))


def golden_needed_for(margin: float) -> int:
    """Return how many golden images make the margin this small; none is smaller than .02.

    >>> golden_needed_for(0.02)
    931
    """
    return math.ceil(_USUAL_DISAGREEMENT * (_MARGIN_SPREADS / max(margin, _MIN_MARGIN)) ** 2)


def check_old(old: Outcomes, margin: float, settings: GateSettings) -> Check:
    """Check whether all old samples together are as good as before, up to the margin.

    It passes where the lower one-sided bound of the difference is at least minus the margin. Otherwise it
    fails where the loss is significant, and is open (None) where it isn't.
    """
    lost, won, num = old.num_lost, old.num_won, len(old)
    lower = lower_bound(won, lost, num, settings.alpha)
    p = p_worse(won, lost)
    passed = True if lower >= -margin else False if p <= settings.alpha else None
    if num < (settings.min_agreement if old.slice == AGREEMENT else 1):
        passed = None
    numbers = {
        "num_samples": num,
        "champion_accuracy": old.champion_accuracy,
        "candidate_accuracy": old.candidate_accuracy,
        "num_lost": lost,
        "num_won": won,
        "lower_bound": lower,
        "upper_bound": upper_bound(won, lost, num, settings.alpha),
        "margin": margin,
        "p_worse": p,
        "is_agreement": int(old.slice == AGREEMENT),
    }
    return Check("old", passed, numbers)


def lost_slices(old: Sequence[Outcomes], margin: float, settings: GateSettings) -> tuple[str, ...]:
    """Return the slices that are significantly worse: exact McNemar, Holm over slices.

    A loss proven to be within the margin doesn't count. Otherwise a golden set large enough to show half a
    point would be stricter than the margin that was promised for it.
    """
    significant = holm([p_worse(each.num_won, each.num_lost) for each in old], settings.alpha)
    return tuple(
        each.slice
        for each, is_worse in zip(old, significant, strict=True)
        if is_worse and lower_bound(each.num_won, each.num_lost, len(each), settings.alpha) < -margin
    )


def lost_classes(old: Outcomes, num_classes: int, settings: GateSettings) -> list[int]:
    """Return the classes lost: exact McNemar at alpha / classes, and a drop over the limit."""
    lost = []
    for label in range(num_classes):
        own = old.of_class(label)
        drop = (own.num_lost - own.num_won) / len(own) if len(own) else 0.0
        is_significant = p_worse(own.num_won, own.num_lost) <= settings.alpha / num_classes
        if is_significant and drop > settings.max_class_drop:
            lost.append(label)
    return lost


def check_flips(old: Outcomes, is_judged: bool, settings: GateSettings) -> Check:
    """Check whether few enough old answers turn from right to wrong; open (None) on too few samples."""
    flips = old.num_lost / len(old) if len(old) else 0.0
    numbers = {"negative_flips": flips, "limit": settings.max_negative_flips, "num_lost": old.num_lost}
    return Check("flips", flips <= settings.max_negative_flips if is_judged else None, numbers)


def old_needed(check: Check, settings: GateSettings) -> int | None:
    """Return how many more old samples would likely decide where `check_old` is open; None if none would."""
    numbers = check.numbers
    num, lost, won = (int(numbers[name] or 0) for name in ("num_samples", "num_lost", "num_won"))
    disagreement = max((lost + won) / num if num else 0.0, _USUAL_DISAGREEMENT)
    if numbers["is_agreement"] and num < settings.min_agreement:
        return settings.min_agreement - num
    # A gain on these samples may be luck, and must not make the figure small.
    slack = float(numbers["margin"] or 0.0) + (min(0.0, (won - lost) / num) if num else 0.0)
    if slack <= 0:
        return None
    spreads = NormalDist().inv_cdf(1 - settings.alpha) + NormalDist().inv_cdf(0.8)
    return max(1, math.ceil(disagreement * (spreads / slack) ** 2) - num)
