"""Which variant to take: the quickest to train that nothing is clearly better than."""

from perennial.lab.outcomes import ArmRuns, Measured, compare
from perennial.lab.seeds import mean_of
from perennial.lab.wording import compared, has_learnt, listed, percent, quoted


def seconds_of(runs: ArmRuns) -> float:
    """Return the mean time of a finished training, in seconds."""
    return mean_of([outcome.seconds for outcome in runs.finished])


def quickest_unbeaten(measured: Measured) -> ArmRuns:
    """Return the variant that is the quickest to train of those that no other is clearly above.

    One that is not clearly above guessing is never taken. With one seed, by which no difference is clear, it
    is the one that is right most often.

    Args:
        measured: With one variant at least that learnt something.
    """
    if len(measured.seeds) < 2:
        return _most_often_right(measured)
    ordered = sorted((runs for runs in measured.usable if has_learnt(measured, runs)), key=seconds_of)
    unbeaten = [runs for runs in ordered if not _better_than(runs, measured)]
    # Clear differences need not be transitive, so that in theory each may be beaten by another.
    return unbeaten[0] if unbeaten else _most_often_right(measured)


def choice_told(measured: Measured, chosen: ArmRuns) -> tuple[str, ...]:
    """Return why a variant is taken, and how all others compare with it."""
    accuracy = percent(mean_of(chosen.accuracies(measured.test)))
    price = f"{accuracy} of the test images, {seconds_of(chosen):.1f} s to train"
    others = [runs for runs in sorted(measured.usable, key=seconds_of) if runs.name != chosen.name]
    return (
        f"Take {quoted(chosen.name)} ({price}): {_why(measured, chosen)}",
        *(compared(runs.name, chosen.name, compare(runs, chosen, measured.test)) for runs in others),
    )


def _why(measured: Measured, chosen: ArmRuns) -> str:
    if len(measured.seeds) < 2:
        return "it is right most often, though one training of each can't show that it is better."
    quicker = [runs for runs in measured.usable if seconds_of(runs) < seconds_of(chosen)]
    if not quicker:
        return "it is the quickest to train, and nothing is clearly better."
    reasons = [_against(runs, measured) for runs in quicker]
    return f"nothing is clearly better, and what is quicker to train is worse: {'; '.join(reasons)}."


def _against(runs: ArmRuns, measured: Measured) -> str:
    if not has_learnt(measured, runs):
        return f"{quoted(runs.name)} is not clearly above guessing"
    better = _better_than(runs, measured)
    return f"{quoted(runs.name)} is clearly below {listed([quoted(other.name) for other in better])}"


def _most_often_right(measured: Measured) -> ArmRuns:
    return max(measured.usable, key=lambda runs: mean_of(runs.accuracies(measured.test)))


def _better_than(runs: ArmRuns, measured: Measured) -> list[ArmRuns]:
    found = [(other, compare(other, runs, measured.test)) for other in measured.usable]
    return [other for other, each in found if each is not None and each.is_clear and each.mean > 0]
