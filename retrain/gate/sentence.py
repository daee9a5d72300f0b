"""A verdict's numbers as one sentence for people."""

from collections.abc import Mapping, Sequence

from retrain.gate.outcomes import Outcomes
from retrain.gate.verdict import Check, Decision, Number

_MAX_NAMED = 10
_KINDS = {
    "direct": "audited or directly labelled photographs",
    "confirmations": "confirmations of right predictions",
    "corrections": "corrections of wrong predictions",
    "audits": "audits",
    "golden": "golden images",
    "agreement": "logged predictions",
}


def sentence(
    decision: Decision,
    checks: Mapping[str, Check],
    lost_classes: Sequence[tuple[str, Outcomes]],
    lost_slices: Sequence[str],
    labels_needed: Mapping[str, int],
) -> str:
    """Return e.g. "Passed: new photographs 41.2 → 63.8 % (n=130, p=0.0004), old 71.0 → 70.9 % (…)."."""
    measured = f"{_new(checks['new'])}, {_old(checks['old'])}"
    why = ""
    if decision != "passed":
        is_lost = decision == "rejected"
        reasons = _losses(checks, lost_classes, lost_slices) if is_lost else _doubts(checks)
        why = f"{', and '.join(reasons)}; "
    return f"{decision.capitalize()}: {why}{measured}{_needed(labels_needed)}."


def _losses(
    checks: Mapping[str, Check], classes: Sequence[tuple[str, Outcomes]], slices: Sequence[str]
) -> list[str]:
    reasons = []
    if checks["finite"].passed is False:
        reasons.append("the candidate gives answers that are no numbers (NaN)")
    if classes:
        named = [
            f"{name} ({_change(own.champion_accuracy, own.candidate_accuracy)})" for name, own in classes
        ]
        reasons.append(f"{'classes' if len(named) > 1 else 'class'} {_listed(named)} lost")
    if slices:
        reasons.append(f"{'slices' if len(slices) > 1 else 'slice'} {_listed(slices)} significantly worse")
    if checks["old"].passed is False:
        reasons.append("old accuracy was lost")
    if checks["flips"].passed is False:
        flips = checks["flips"].numbers
        reasons.append(
            f"{_percent(flips['negative_flips'])} % of old answers turned from right to wrong "
            f"(limit {_percent(flips['limit'])} %)"
        )
    if "calibration" in checks and checks["calibration"].passed is False:
        reasons.append(f"calibration is worse by {_percent(checks['calibration'].numbers['rise'])} points")
    if checks["new"].passed is False:
        reasons.append("nothing worth a change was won on new photographs")
    return reasons


def _doubts(checks: Mapping[str, Check]) -> list[str]:
    reasons = []
    if checks["new"].passed is None:
        is_one_sided = bool(checks["new"].numbers.get("num_right_needed"))
        reasons.append(
            "nearly all new labels correct a wrong answer, so that what is lost can't be seen"
            if is_one_sided
            else "the new labels are too few to tell"
        )
    if checks["old"].passed is None:
        reasons.append("the old samples are too few to show that nothing was lost")
    return reasons


def _new(check: Check) -> str:
    numbers = check.numbers
    if numbers["method"] == "none":
        direct, right, wrong = (numbers[n] for n in ("num_direct", "num_confirmations", "num_corrections"))
        return f"new photographs: {direct} direct, {right} confirmations, {wrong} corrections"
    change = _change(numbers["champion_accuracy"], numbers["candidate_accuracy"])
    if numbers["method"] == "direct":
        return f"new photographs {change} (n={numbers['num_samples']:,}, {_p_value(numbers['p'])})"
    audits = numbers["num_audited"]
    live = f"counted on {audits:,} audits" if audits else "read off its own confidence"
    estimate = _change(numbers["estimated_champion_accuracy"], numbers["estimated_candidate_accuracy"])
    return (
        f"new photographs that people chose to label {change} (n={numbers['num_samples']:,}), "
        f"all new photographs by estimate {estimate} (from {numbers['num_confirmations']} confirmations, "
        f"{numbers['num_corrections']} corrections and production's accuracy, {live}; bound "
        f"{_points(numbers['lower_bound'])} points)"
    )


def _old(check: Check) -> str:
    numbers = check.numbers
    if not numbers["num_samples"]:
        return "no old samples"
    bounds = f"bound {_points(numbers['lower_bound'])} points, margin {_percent(numbers['margin'])}"
    size = f"n={numbers['num_samples']:,}"
    if numbers["is_agreement"]:
        return f"agreement with production {_percent(numbers['candidate_accuracy'])} % ({size}, {bounds})"
    return f"old {_change(numbers['champion_accuracy'], numbers['candidate_accuracy'])} ({size}, {bounds})"


def _needed(labels: Mapping[str, int]) -> str:
    phrases = {kind: f"{num:,} more {words}" for kind, words in _KINDS.items() if (num := labels.get(kind))}
    # The weighted way needs all of its kinds; direct labels would do alone.
    weighted = " with ".join(
        phrases[kind] for kind in ("confirmations", "corrections", "audits") if kind in phrases
    )
    new = ", or ".join(filter(None, [phrases.get("direct"), weighted]))
    wanted = list(filter(None, [new, phrases.get("golden"), phrases.get("agreement")]))
    return f"; it would take {', and '.join(wanted)}" if wanted else ""


def _listed(names: Sequence[str]) -> str:
    named = list(names[:_MAX_NAMED])
    if len(names) > _MAX_NAMED:
        named.append(f"{len(names) - _MAX_NAMED} more")
    return " and ".join(filter(None, [", ".join(named[:-1]), named[-1]]))


def _change(before: Number, after: Number) -> str:
    return f"{_percent(before)} → {_percent(after)} %"


def _p_value(p: Number) -> str:
    p = float(p or 0.0)
    return "p<0.0001" if p < 0.0001 else f"p={p:.4f}" if p < 0.1 else f"p={p:.2f}"


def _percent(fraction: Number) -> str:
    return "?" if fraction is None else f"{100 * float(fraction):.1f}"


def _points(fraction: Number) -> str:
    return "?" if fraction is None else f"{100 * float(fraction):+.1f}".replace("-", "−")
