"""The gate's checks on old samples: nothing that production knows may be lost."""

import math
from collections.abc import Sequence
from dataclasses import replace
from statistics import NormalDist

from retrain.gate.mcnemar import holm, p_worse
from retrain.gate.outcomes import OldEvidence, Outcomes
from retrain.gate.paired_difference import lower_bound
from retrain.gate.settings import GateSettings
from retrain.gate.verdict import Check
from retrain.gate.wording import change, percent, points

_MARGIN_SPREADS = 2.49  # z(95 %) + z(80 %): equals pass 4 times in 5
_USUAL_DISAGREEMENT = 0.06
_MIN_MARGIN, _MAX_MARGIN = 0.02, 0.05
_RULES = {
    "agreement": "Agrees with production on logged images",
    "golden": "Golden images kept",
    "old": "Golden images and slices kept",
    "anchor": "Golden images kept, against the anchor",
}


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


def check_bounds(old: OldEvidence, margin: float, settings: GateSettings) -> list[Check]:
    """Check that nothing is lost: on golden, on all that is old, and against the lineage's anchor.

    For each line the lower one-sided bound of candidate minus champion is at least minus the margin. No
    correction is needed, since all must hold. The anchor sees the sum of small losses that no comparison with
    the last champion sees.
    """
    checks = []
    if old.agreement is not None:
        checks.append(_check_agreement(old.agreement, margin, settings))
    golden, all_old = old.golden, old.all_old
    if old.agreement is None or len(golden):
        checks.append(_check_bound("golden", golden, margin, settings))
    if any(len(part) for part in old.slices):
        checks.append(_check_bound("old", all_old, margin, settings))
    if old.anchor is not None and len(old.anchor):
        checks.append(_check_bound("anchor", old.anchor, margin, settings))
    elif len(golden):
        note = "not asked, because production is the anchor"
        bound = _at_least(margin, settings.alpha_anchor)
        checks.append(Check("anchor", None, _RULES["anchor"], "–", bound, note))
    return checks


def check_slices(old: OldEvidence, margin: float, settings: GateSettings) -> tuple[Check, tuple[str, ...]]:
    """Check that no slice is significantly worse (exact McNemar, Holm over slices); return also which are.

    A loss proven to be within the margin doesn't count. Otherwise a golden set large enough to show half a
    point would be stricter than the margin that was promised for it.
    """
    parts = [part for part in (old.golden, *old.slices) if len(part)]
    significant = holm([p_worse(each.num_won, each.num_lost) for each in parts], settings.alpha)
    lost = tuple(
        each.slice
        for each, is_worse in zip(parts, significant, strict=True)
        if is_worse and lower_bound(each.num_won, each.num_lost, len(each), settings.alpha) < -margin
    )
    rule, bound = "No slice lost", "none is significantly worse"
    if not any(len(part) for part in old.slices):
        note = "not asked, because no round was promoted yet"
        return Check("slices", None, rule, "–", bound, note), ()
    numbers = {"num_slices": len(parts), "num_lost": len(lost)}
    return Check("slices", not lost, rule, f"{len(lost)} of {len(parts)} lost", bound, numbers=numbers), lost


def check_flips(old: Outcomes, settings: GateSettings) -> Check:
    """Check whether few enough old answers turn from right to wrong."""
    rule, bound = "Few right answers turn wrong", f"at most {percent(settings.max_negative_flips)} %"
    if not len(old):
        return Check("flips", None, rule, "–", bound, "not asked, because there are no old images")
    flips = old.num_lost / len(old)
    numbers = {"negative_flips": flips, "limit": settings.max_negative_flips, "num_lost": old.num_lost}
    is_few = flips <= settings.max_negative_flips
    return Check("flips", is_few, rule, f"{percent(flips)} %", bound, numbers=numbers)


def old_needed(checks: Sequence[Check], settings: GateSettings) -> dict[str, int]:
    """Return about how many more old samples would decide where a bound is open; nothing if none would."""
    for check in checks:
        if check.name in ("golden", "agreement") and check.is_open:
            num = _more_needed(check, settings)
            return {} if num is None else {check.name: num}
    return {}


def _check_bound(name: str, outcomes: Outcomes, margin: float, settings: GateSettings) -> Check:
    alpha = settings.alpha_anchor if name == "anchor" else settings.alpha
    lost, won, num = outcomes.num_lost, outcomes.num_won, len(outcomes)
    lower, p = (lower_bound(won, lost, num, alpha), p_worse(won, lost)) if num else (-1.0, 1.0)
    # A loss is proven at one level on every line: the anchor's weaker bound must not refuse for good.
    passed = True if num and lower >= -margin else False if p <= settings.alpha else None
    before, after = outcomes.champion_accuracy, outcomes.candidate_accuracy
    figure = f"{change(before, after)} of {num:,}, at worst {points(lower)} points" if num else "no images"
    note = "" if passed is not None else "open, because the images are too few to show that nothing was lost"
    numbers = {
        "num_samples": num,
        "champion_accuracy": before,
        "candidate_accuracy": after,
        "num_lost": lost,
        "num_won": won,
        "lower_bound": lower,
        "margin": margin,
        "p_worse": p,
    }
    bound = _at_least(margin, alpha)
    return Check(name, passed, _RULES[name], figure, bound, note, is_open=passed is None, numbers=numbers)


def _check_agreement(agreement: Outcomes, margin: float, settings: GateSettings) -> Check:
    check = _check_bound("agreement", agreement, margin, settings)
    if len(agreement) >= settings.min_agreement:
        return check
    note = f"open, because it takes {settings.min_agreement} logged images, and there are {len(agreement)}"
    return replace(check, passed=None, note=note, is_open=True)


def _at_least(margin: float, alpha: float) -> str:
    return f"{100 * (1 - alpha):g} % sure of {points(-margin)} points or better"


def _more_needed(check: Check, settings: GateSettings) -> int | None:
    numbers = check.numbers
    num, lost, won = (int(numbers[name] or 0) for name in ("num_samples", "num_lost", "num_won"))
    if check.name == "agreement" and num < settings.min_agreement:
        return settings.min_agreement - num
    disagreement = max((lost + won) / num if num else 0.0, _USUAL_DISAGREEMENT)
    # A gain on these samples may be luck, and must not make the figure small.
    slack = float(numbers["margin"] or 0.0) + (min(0.0, (won - lost) / num) if num else 0.0)
    if slack <= 0:
        return None
    spreads = NormalDist().inv_cdf(1 - settings.alpha) + NormalDist().inv_cdf(0.8)
    return max(1, math.ceil(disagreement * (spreads / slack) ** 2) - num)
