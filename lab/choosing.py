"""Chooses the variant to use: the cheapest to train that no other is clearly better than."""

from lab.outcomes import ArmRuns, Measured, compare
from lab.seeds import interval_of, mean_of
from lab.sentences import comparison, has_learnt, listed, percent, quoted


def seconds_of(runs: ArmRuns) -> float:
    """Return the mean time of a finished training, in seconds."""
    return mean_of([outcome.seconds for outcome in runs.finished])


def cheapest_unbeaten(measured: Measured) -> ArmRuns:
    """Return the variant that is the cheapest to train of those that no other is clearly above.

    It trains the fewest parameters, unless another is quicker by more than the spread over the seeds. One
    that is not clearly above guessing is never chosen. With one seed no difference is clear, so the most
    accurate one is chosen.

    Args:
        measured: With at least one variant that learnt something.
    """
    if len(measured.seeds) < 2:
        return _most_accurate(measured)
    unbeaten = [
        runs for runs in measured.usable if has_learnt(measured, runs) and not _better_than(runs, measured)
    ]
    # Clear differences need not be transitive, so in theory each may be beaten by another.
    if not unbeaten:
        return _most_accurate(measured)
    chosen, *others = sorted(unbeaten, key=lambda runs: (_num_trained(runs), seconds_of(runs)))
    for other in others:
        chosen = other if _is_quicker(other, chosen) else chosen
    return chosen


def describe_choice(measured: Measured, chosen: ArmRuns) -> tuple[str, ...]:
    """Return why a variant is chosen, and how all others compare with it."""
    accuracy = percent(mean_of(chosen.accuracies(measured.test)))
    price = f"{accuracy} of the test images, {seconds_of(chosen):.1f} s to train"
    others = [runs for runs in sorted(measured.usable, key=seconds_of) if runs.name != chosen.name]
    return (
        f"Use {quoted(chosen.name)} ({price}): {_reason(measured, chosen, others)}",
        *(comparison(runs.name, chosen.name, compare(runs, chosen, measured.test)) for runs in others),
    )


def _reason(measured: Measured, chosen: ArmRuns, others: list[ArmRuns]) -> str:
    if len(measured.seeds) < 2:
        return "it is the most accurate, though one training of each can't show that it is better."
    quicker = [runs for runs in others if _is_quicker(runs, chosen)]
    if quicker:
        reasons = "; ".join(_against(runs, measured) for runs in quicker)
        return f"nothing is clearly better, and all that is quicker to train is worse: {reasons}."
    if all(_is_quicker(chosen, runs) for runs in others):
        return "it is the quickest to train, and nothing is clearly better."
    reason = "nothing is clearly better, or quicker to train by more than the spread"
    is_smallest = all(_num_trained(chosen) < _num_trained(runs) for runs in others)
    return f"{reason}{', and it trains the fewest parameters' if is_smallest else ''}."


def _against(runs: ArmRuns, measured: Measured) -> str:
    if not has_learnt(measured, runs):
        return f"{quoted(runs.name)} is not clearly above guessing"
    better = _better_than(runs, measured)
    return f"{quoted(runs.name)} is clearly below {listed([quoted(other.name) for other in better])}"


def _is_quicker(runs: ArmRuns, other: ArmRuns) -> bool:
    """Return whether training took less time by more than the spread over the seeds that both finished."""
    seconds = {outcome.seed: outcome.seconds for outcome in other.finished}
    pairs = [(each.seconds, seconds[each.seed]) for each in runs.finished if each.seed in seconds]
    interval = interval_of([own - theirs for own, theirs in pairs])
    return interval is not None and interval.high < 0


def _num_trained(runs: ArmRuns) -> int:
    return runs.finished[0].num_trained


def _most_accurate(measured: Measured) -> ArmRuns:
    return max(measured.usable, key=lambda runs: mean_of(runs.accuracies(measured.test)))


def _better_than(runs: ArmRuns, measured: Measured) -> list[ArmRuns]:
    gains = [(other, compare(other, runs, measured.test)) for other in measured.usable]
    return [other for other, gain in gains if gain is not None and gain.is_clear and gain.mean > 0]
