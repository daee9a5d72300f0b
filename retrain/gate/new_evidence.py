"""The gate's check on new samples: the candidate must be better, not just lucky."""

import math
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from retrain.gate.mcnemar import p_better, power, samples_for_power
from retrain.gate.outcomes import NewEvidence, Outcomes, pool
from retrain.gate.paired_difference import lower_bound, upper_bound
from retrain.gate.settings import GateSettings
from retrain.gate.verdict import Check, Number

_MAX_DRAWS = 200_000


def check_new(
    new: NewEvidence, num_earlier_verdicts: int, settings: GateSettings, rng: np.random.Generator
) -> Check:
    """Check whether the candidate is better on new samples.

    From `min_direct` direct samples on, the exact McNemar test on them decides; below, direct and volunteered
    samples are weighted by production's outcome. The check fails where the candidate can't be better by
    `min_worth`, and is open (None) where the samples are too few.

    Direct samples count as a fair draw of what production gets. Where production got hardly any of them
    right, they are corrections in disguise, on which any candidate that merely differs would win: then the
    check is open too.

    Its numbers name the `method`: direct, weighted or none. Accuracies in them are counted on the samples,
    unless they are named as estimated.
    """
    if len(new.direct) >= settings.min_direct:
        return _check_direct(new.direct, num_earlier_verdicts, settings)
    pooled = pool((new.direct, new.volunteered), "new")
    num_right = int(pooled.champion_right.sum())
    num_wrong = len(pooled) - num_right
    live = new.live_accuracy
    if live is None or not 0 <= live <= 1 or num_right < settings.min_confirmations or not num_wrong:
        return Check("new", None, _numbers("none", new, num_earlier_verdicts, settings))
    return _check_weighted(new, pooled, num_earlier_verdicts, settings, rng)


def _check_direct(direct: Outcomes, num_earlier_verdicts: int, settings: GateSettings) -> Check:
    won, lost, num = direct.num_won, direct.num_lost, len(direct)
    alpha = settings.alpha_new(num_earlier_verdicts)
    p = p_better(won, lost)
    upper = upper_bound(won, lost, num, settings.alpha)
    disagreement = (won + lost) / num
    num_right = int(direct.champion_right.sum())
    numbers: dict[str, Number] = {
        "method": "direct",
        "num_samples": num,
        "num_right_needed": max(0, settings.min_direct_right - num_right),
        "champion_accuracy": direct.champion_accuracy,
        "candidate_accuracy": direct.candidate_accuracy,
        "num_lost": lost,
        "num_won": won,
        "difference": (won - lost) / num,
        "disagreement": disagreement,
        "p": p,
        "alpha": alpha,
        "lower_bound": lower_bound(won, lost, num, settings.alpha),
        "upper_bound": upper,
        "power": power(settings.hoped_gain, disagreement, num, alpha),
    }
    passed = _passed(p <= alpha, upper, settings)
    return Check("new", None if passed and num_right < settings.min_direct_right else passed, numbers)


def _check_weighted(
    new: NewEvidence,
    pooled: Outcomes,
    num_earlier_verdicts: int,
    settings: GateSettings,
    rng: np.random.Generator,
) -> Check:
    alpha = settings.alpha_new(num_earlier_verdicts)
    right = pooled.champion_right
    num_right, num_wrong = int(right.sum()), int((~right).sum())
    lost, won = pooled.num_lost, pooled.num_won
    live = float(new.live_accuracy or 0.0)
    difference = (1 - live) * won / num_wrong - live * lost / num_right
    draws = weighted_draws((won, num_wrong), (lost, num_right), new, alpha, settings, rng)
    lower = float(np.quantile(draws[0], alpha))
    upper = float(np.quantile(draws[1], 1 - settings.alpha))
    # Never quite 0, where production is never or always right.
    error = max(float(draws[0].std()), 1e-9)
    reach = settings.hoped_gain / error - NormalDist().inv_cdf(1 - alpha)
    numbers = _numbers("weighted", new, num_earlier_verdicts, settings) | {
        "champion_accuracy": pooled.champion_accuracy,
        "candidate_accuracy": pooled.candidate_accuracy,
        "estimated_champion_accuracy": live,
        "estimated_candidate_accuracy": live + difference,
        "num_lost": lost,
        "num_won": won,
        "difference": difference,
        "disagreement": (1 - live) * won / num_wrong + live * lost / num_right,
        "lower_bound": lower,
        "upper_bound": upper,
        "power": NormalDist().cdf(reach),
    }
    return Check("new", _passed(lower > 0, upper, settings), numbers)


def weighted_draws(
    won: tuple[int, int],
    lost: tuple[int, int],
    new: NewEvidence,
    alpha: float,
    settings: GateSettings,
    rng: np.random.Generator,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Draw the live difference of accuracies, given feedback whose senders chose what to label.

    The difference is (1 - a) P(candidate right | production wrong) - a P(candidate wrong | production
    right), a production's live accuracy. Users choose what to label by production's outcome, so each
    conditional probability is counted within one outcome, and a weights them.

    Resampling 30 confirmations of which none is lost would say that none ever is, and an equal
    candidate would pass in one round of six. Instead the draws come from the Beta distributions whose
    quantiles are the exact (Clopper-Pearson) bounds: the lower draws from the cautious side of each,
    the upper from the hopeful side. Where `a` was counted on audits, it is drawn too.

    Returns:
        Draws for the lower bound and for the upper bound.

    Source:
        Post-stratification: Holt & Smith, J. R. Statist. Soc. A 142, 1979. Clopper & Pearson,
        Biometrika 26, 1934. Of distributions of confidence: Xie & Singh, Int. Statist. Rev. 81, 2013.
    """
    num = int(min(_MAX_DRAWS, max(settings.num_draws, 100 / alpha)))
    live: NDArray[np.float64] | float = float(new.live_accuracy or 0.0)
    if new.num_audited:
        audited_right = live * new.num_audited
        live = rng.beta(audited_right + 0.5, new.num_audited - audited_right + 0.5, num)
    cautious = (1 - live) * _beta(rng, won, 0, num) - live * _beta(rng, lost, 1, num)
    hopeful = (1 - live) * _beta(rng, won, 1, num) - live * _beta(rng, lost, 0, num)
    return cautious, hopeful


def _beta(rng: np.random.Generator, counted: tuple[int, int], extra: int, num: int) -> NDArray[np.float64]:
    """Draw a probability: extra = 0 from its Clopper-Pearson lower side, 1 from the upper."""
    hits, tries = counted
    if hits + extra == 0:
        return np.zeros(num)
    if tries - hits + 1 - extra == 0:
        return np.ones(num)
    return rng.beta(hits + extra, tries - hits + 1 - extra, num)


def _passed(is_better: bool, upper: float, settings: GateSettings) -> bool | None:
    if is_better:
        return True
    return False if upper < settings.min_worth else None


def _numbers(
    method: str, new: NewEvidence, num_earlier_verdicts: int, settings: GateSettings
) -> dict[str, Number]:
    right = int(new.direct.champion_right.sum() + new.volunteered.champion_right.sum())
    num = len(new.direct) + len(new.volunteered)
    return {
        "method": method,
        "num_samples": num,
        "num_direct": len(new.direct),
        "num_confirmations": right,
        "num_corrections": num - right,
        "live_accuracy": new.live_accuracy,
        "num_audited": new.num_audited,
        "alpha": settings.alpha_new(num_earlier_verdicts),
        "power": 0.0,
    }


def new_needed(
    check: Check, new: NewEvidence, num_earlier_verdicts: int, settings: GateSettings
) -> dict[str, int]:
    """Return how many more labels of which kind would likely decide where `check_new` is open.

    direct: audited or directly sent labels, `min_direct` at least. With so many, a candidate passes 4 times
    in 5 at the next verdict's level if it is as much better as this one looked; where this one didn't look
    better, the hoped gain stands in. The other kinds are what the weighting lacks before it can be tried.
    """
    numbers = check.numbers
    if num_right := int(numbers.get("num_right_needed") or 0):
        return {"audits": num_right}
    observed = float(numbers.get("difference") or 0.0)
    gain = observed if observed > settings.min_worth else settings.hoped_gain
    disagreement = float(numbers.get("disagreement") or 2 * gain)
    wanted = samples_for_power(gain, disagreement, settings.alpha_new(num_earlier_verdicts + 1))
    needed = {"direct": max(1, max(settings.min_direct, wanted) - len(new.direct))}
    if numbers["method"] == "none":
        confirmations = int(numbers["num_confirmations"] or 0)
        if confirmations < settings.min_confirmations:
            needed["confirmations"] = settings.min_confirmations - confirmations
        if not numbers["num_corrections"]:
            needed["corrections"] = settings.min_confirmations
        if new.live_accuracy is None or math.isnan(new.live_accuracy):
            needed["audits"] = settings.min_confirmations
    return needed
