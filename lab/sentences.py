"""Puts figures into sentences; the figures decide which sentence is written."""

from collections.abc import Sequence

from lab.outcomes import ArmRuns, Measured
from lab.seeds import Difference, Interval, deviation_of, is_above, mean_of


def percent(fraction: float) -> str:
    """Return a fraction as percent with one decimal.

    >>> percent(0.9412)
    '94.1 %'
    """
    return f"{100 * fraction:.1f} %"


def points(fraction: float) -> str:
    """Return the size of a difference in points; words say its sign.

    >>> points(-0.032), points(0.01)
    ('3.2 points', '1.0 point')
    """
    text = f"{100 * abs(fraction):.1f}"
    return f"{text} point" if text == "1.0" else f"{text} points"


def quoted(name: str) -> str:
    """Return a variant's name as it stands in a sentence.

    >>> quoted("full")
    '“full”'
    """
    return f"“{name}”"


def listed(names: Sequence[str]) -> str:
    """Return names as a list in a sentence.

    >>> listed(["a", "b", "c"])
    'a, b and c'
    """
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def with_spread(values: Sequence[float], *, unit: str = " %", factor: float = 100, digits: int = 1) -> str:
    """Return the mean with the sample standard deviation, or a dash without values.

    >>> with_spread([0.93, 0.95])
    '94.0 ± 1.4 %'
    """
    if not values:
        return "–"
    deviation = deviation_of(values)
    text = f"{factor * mean_of(values):,.{digits}f}"
    return f"{text}{unit}" if deviation is None else f"{text} ± {factor * deviation:,.{digits}f}{unit}"


def counted(values: Sequence[int]) -> str:
    """Return a number that is the same in all trainings, or a dash without trainings."""
    return f"{values[0]:,}" if values else "–"


def comparison(name: str, other: str, difference: Difference | None) -> str:
    """Return one sentence on how much a variant is above another, and whether that counts."""
    if difference is None:
        return f"{quoted(name)} and {quoted(other)} have no finished training of the same seed to compare."
    if difference.mean == 0:
        return f"{quoted(name)} and {quoted(other)} are right equally often."
    where = "above" if difference.mean > 0 else "below"
    claim = f"{quoted(name)} is {points(difference.mean)} {where} {quoted(other)}"
    if difference.over_seeds is None:
        return f"{claim}, but one training of each can't show whether that is more than chance."
    verdict = "more than the spread" if difference.is_clear else "within the spread"
    return f"{claim}, which is {verdict} ({_intervals(difference)})."


def _intervals(difference: Difference) -> str:
    parts = [("seeds", difference.over_seeds), ("images", difference.over_images)]
    texts = [f"{_ends(interval)} over {name}" for name, interval in parts if interval is not None]
    return f"95 % intervals in points: {', '.join(texts)}"


def _ends(interval: Interval) -> str:
    return f"{100 * interval.low:+.1f} to {100 * interval.high:+.1f}".replace("-", "−")


def has_learnt(measured: Measured, runs: ArmRuns) -> bool:
    """Return whether a variant is clearly more accurate than guessing the commonest class."""
    right = runs.right(measured.test)
    return len(right) > 0 and is_above(right, measured.guessing(), num_looks=len(measured.runs))


def nothing_learnt(measured: Measured) -> tuple[str, ...]:
    """Return sentences for when no variant learnt anything that helps on the test images, else none."""
    if any(has_learnt(measured, runs) for runs in measured.runs):
        return ()
    share = percent(measured.guessing())
    if not measured.usable:
        return ("Nothing was learnt: every training diverged.",)
    best = max(measured.usable, key=lambda runs: mean_of(runs.accuracies(measured.test)))
    accuracy = percent(mean_of(best.accuracies(measured.test)))
    return (
        f"Nothing was learnt that helps on the {len(measured.images.test)} test images: the best, "
        f"{quoted(best.name)}, is right on {accuracy} of them, and guessing the commonest class is right on "
        f"{share}. No difference between the variants means anything, and the question "
        "can't be answered with these images and labels.",
        _describe_training_images(measured),
    )


def _describe_training_images(measured: Measured) -> str:
    accuracies = [outcome.training_accuracy for runs in measured.usable for outcome in runs.finished]
    highest = max(accuracies)
    if highest - measured.guessing() > 0.2:
        return (
            f"The networks get up to {percent(highest)} of their own training images right: they memorised "
            "them. Check whether the labels are right."
        )
    return (
        f"The networks get at most {percent(highest)} of their own training images right: they need more "
        "epochs, other weights or larger images."
    )


def describe_failures(measured: Measured) -> tuple[str, ...]:
    """Return a sentence for each variant that diverged or learnt nothing, where others did learn."""
    sentences = []
    for runs in measured.runs:
        num_diverged = len(runs.outcomes) - len(runs.finished)
        if num_diverged:
            sentences.append(
                f"{quoted(runs.name)}: the loss became infinite or undefined in {num_diverged} of "
                f"{len(runs.outcomes)} trainings, which are left out of its figures."
            )
        if runs.finished and not has_learnt(measured, runs):
            sentences.append(
                f"{quoted(runs.name)} is not clearly above guessing ({percent(measured.guessing())})."
            )
    return tuple(sentences)
