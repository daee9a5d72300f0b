"""A verdict in one sentence for people: it names what decided."""

from collections.abc import Sequence

from retrain.gate.verdict import Check, Verdict
from retrain.gate.wording import change, listed, p_value, percent, points

_OPENINGS = {
    "passed": "Passed",
    "rejected": "Rejected",
    "inconclusive": "Inconclusive",
    "awaiting_labels": "Waits for labels",
}


def sentence(verdict: Verdict, lost_classes: Sequence[str]) -> str:
    """Return e.g. "Passed: where the two differ on new images the candidate was right 27 times, …".

    Args:
        verdict: With its decision and its checks.
        lost_classes: The classes that were lost, each as it is to be named.
    """
    checks = {check.name: check for check in verdict.checks}
    match verdict.decision:
        case "passed":
            why = _found(checks) if checks["new"].passed is None else _won(checks["new"])
        case "rejected":
            why = ", and ".join(_losses(checks, lost_classes, verdict.lost_slices))
        case "inconclusive":
            why = ", and ".join(_doubts(checks))
        case "awaiting_labels":
            why = _awaited(verdict)
    beside = [_old(checks)] if verdict.decision == "passed" else [_new(checks["new"]), _old(checks)]
    return f"{_OPENINGS[verdict.decision]}: {why}; {'; '.join(filter(None, beside))}."


def _won(new: Check) -> str:
    numbers = new.numbers
    return (
        f"where the two differ on new images the candidate was right {numbers['num_won']} times "
        f"and production {numbers['num_lost']}{_unlabelled(new)} ({p_value(numbers['p'])})"
    )


def _found(checks: dict[str, Check]) -> str:
    check = checks["new_classes"]
    return f"new classes were learnt ({check.figure}){f', {check.note}' if check.note else ''}"


def _unlabelled(new: Check) -> str:
    num = new.numbers["num_open"]
    return f", with {num} unlabelled ones counted for production" if num else ""


def _losses(checks: dict[str, Check], classes: Sequence[str], slices: Sequence[str]) -> list[str]:
    def is_broken(name: str) -> bool:
        return name in checks and checks[name].passed is False

    reasons = []
    if is_broken("finite"):
        reasons.append("the candidate gives answers that are no numbers (NaN)")
    if classes:
        reasons.append(f"{'classes' if len(classes) > 1 else 'class'} {listed(classes)} lost")
    if slices:
        reasons.append(f"{'slices' if len(slices) > 1 else 'slice'} {listed(slices)} significantly worse")
    if any(is_broken(name) for name in ("golden", "old", "agreement")):
        reasons.append("old accuracy was lost")
    elif is_broken("anchor"):
        reasons.append("the losses since the anchor add up")
    if is_broken("flips"):
        flips, limit = (percent(checks["flips"].numbers[name]) for name in ("negative_flips", "limit"))
        reasons.append(f"{flips} % of old answers turned from right to wrong (limit {limit} %)")
    if is_broken("calibration"):
        reasons.append(f"calibration is worse by {percent(checks['calibration'].numbers['rise'])} points")
    if is_broken("new_classes"):
        reasons.append(f"new classes were not learnt well enough ({checks['new_classes'].figure})")
    if is_broken("new"):
        is_worse = "new_classes" in checks
        reasons.append(
            "new images of known classes are answered worse"
            if is_worse
            else "nothing worth a change was won on new images"
        )
    return reasons


def _doubts(checks: dict[str, Check]) -> list[str]:
    reasons = []
    if checks["new"].is_open:
        is_none = not checks["new"].numbers["num_images"]
        what = "no fair new images were seen" if is_none else "the new images are too few to tell"
        reasons.append(what)
    elif checks["sources"].is_open:
        reasons.append(f"without the labels of {checks['sources'].numbers['source']} it is not proven")
    if "new_classes" in checks and checks["new_classes"].is_open:
        reasons.append("the old images are too few to show that they are not taken for a new class")
    if any(checks[name].is_open for name in ("golden", "old", "agreement") if name in checks):
        reasons.append("the old images are too few to show that nothing was lost")
    elif "anchor" in checks and checks["anchor"].is_open:
        reasons.append("the losses since the anchor may add up")
    return reasons


def _awaited(verdict: Verdict) -> str:
    needed = verdict.labels_needed or {}
    wins, num_open = needed["wins"], needed["open"]
    if not any(check.name == "new" and check.is_open for check in verdict.checks):
        return (
            f"others must confirm it with {wins} more answers for the candidate, of {num_open} open questions"
        )
    return f"{wins} more answers for the candidate would prove it better, of {num_open} open questions"


def _new(new: Check) -> str:
    return f"new images: {new.figure}" if new.numbers["num_images"] else ""


def _old(checks: dict[str, Check]) -> str:
    for name, what in (("golden", "golden images"), ("agreement", "agreement with production")):
        if name in checks and (numbers := checks[name].numbers)["num_samples"]:
            bounds = f"at worst {points(numbers['lower_bound'])} points, margin {percent(numbers['margin'])}"
            before, after = numbers["champion_accuracy"], numbers["candidate_accuracy"]
            return f"{what} {change(before, after)} (n={numbers['num_samples']:,}, {bounds})"
    return "no old images"
