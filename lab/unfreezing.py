"""The experiment that compares unfreezing a network in steps with training all of it from the first step."""

from collections.abc import Sequence
from dataclasses import replace

from lab.charts import Chart, accuracy_bars, loss_chart, seconds_bars
from lab.experiment import Conclusion, Experiment, Table
from lab.outcomes import Arm, ArmRuns, Measured, compare
from lab.rate_losses import FALL, last_fall_of
from lab.seeds import Difference, mean_of
from lab.sentences import comparison, describe_failures, nothing_learnt, with_spread
from vision.charts import draw_bars
from vision.initial_weights import InitialWeights
from vision.transfer_settings import TransferSettings

AT_ONCE, IN_STEPS, GRADUAL = "all at once", "in three steps", "gradual"
# Batches of 32 at this rate move as far as the chapter's batches of 4 at 0.001.
LEARNING_RATE = 1e-2


def _arms(base: TransferSettings, networks: Sequence[InitialWeights]) -> list[Arm]:
    words, quick = networks[0].words, replace(base, learning_rate=LEARNING_RATE)
    return [
        Arm(AT_ONCE, quick, words, phases=("everything",)),
        Arm(IN_STEPS, quick, words, phases=("head", "last block", "everything")),
        Arm(GRADUAL, replace(base, strategy="gradual"), words),
    ]


def conclude(measured: Measured) -> Conclusion:
    """Return whether unfreezing in steps is clearly better."""
    return Conclusion(_answer(measured), _table(measured), _charts(measured))


def _answer(measured: Measured) -> tuple[str, ...]:
    nothing = nothing_learnt(measured)
    if nothing:
        return nothing
    at_once = measured.of(AT_ONCE)
    steps, gradual = (compare(measured.of(name), at_once, measured.test) for name in (IN_STEPS, GRADUAL))
    return (
        _verdict(steps),
        comparison(IN_STEPS, AT_ONCE, steps),
        comparison(GRADUAL, AT_ONCE, gradual),
        *_describe_unfinished(measured.of(AT_ONCE)),
        *describe_failures(measured),
    )


def _verdict(gain: Difference | None) -> str:
    if gain is None or gain.over_seeds is None:
        return "These trainings can't show whether unfreezing in steps improves the accuracy."
    if not gain.is_clear:
        return "Unfreezing in steps does not clearly improve the accuracy: its effect is within the spread."
    if gain.mean > 0:
        return "Yes: unfreezing in steps is clearly better than training everything from the first step."
    return "No: unfreezing in steps is clearly worse than training everything from the first step."


def _describe_unfinished(runs: ArmRuns) -> tuple[str, ...]:
    """Return a sentence where training everything from the first step was still improving at its end."""
    falls = [last_fall_of(outcome.epochs) for outcome in runs.finished if len(outcome.epochs) > 1]
    if not falls or mean_of(falls) <= FALL:
        return ()
    return (
        f"“{AT_ONCE}” was still learning when its epochs were over: its training loss fell by "
        f"{100 * mean_of(falls):.0f} % in the last one. More epochs or a higher rate would improve it.",
    )


def _table(measured: Measured) -> Table:
    columns = ("order", "test accuracy", "training accuracy", "seconds to train", "epochs")
    rows = [
        (
            runs.name,
            with_spread(runs.accuracies(measured.test)),
            with_spread([outcome.training_accuracy for outcome in runs.finished]),
            with_spread([outcome.seconds for outcome in runs.finished], unit=" s", factor=1),
            with_spread([len(outcome.epochs) for outcome in runs.finished], unit="", factor=1, digits=1),
        )
        for runs in measured.runs
    ]
    return Table(columns, tuple(rows))


def _charts(measured: Measured) -> tuple[Chart, ...]:
    losses = loss_chart(
        measured,
        f"One pair of lines for each seed. Epoch 1 of “{GRADUAL}” is its linear probe.",
    )
    if not measured.usable:
        return (losses,)
    bars = draw_bars([runs.name for runs in measured.runs], [accuracy_bars(measured), seconds_bars(measured)])
    return (Chart("Accuracy and time", bars, "One bar for each order."), losses)


EXPERIMENT = Experiment(
    epochs=9,
    description=(
        f"“{AT_ONCE}” trains everything from the first step under a random head. “{IN_STEPS}” begins with "
        "the same head and trains it alone, then the last block with it, then everything, each for a third "
        "of the epochs. Both make their steps by SGD with momentum 0.9 at a rate of "
        f"{LEARNING_RATE:g}. “{GRADUAL}” is what `perennial train --strategy gradual` does: the head is "
        "solved as a linear probe, and the earlier a block, the lower its rate."
    ),
    arms=_arms,
    conclude=conclude,
)
