"""The experiment that compares unfreezing a network in steps with training all of it from the first step."""

from collections.abc import Sequence
from dataclasses import replace

from lab.charts import Chart, accuracy_bars, loss_chart, seconds_bars
from lab.experiment import Conclusion, Experiment, Table
from lab.initial_weights import InitialWeights
from lab.outcomes import Arm, ArmRuns, Measured, compare
from lab.rate_losses import FALL, last_fall_of
from lab.seeds import Difference, mean_of
from lab.sentences import comparison, describe_failures, nothing_learnt, with_spread
from vision.charts import draw_bars
from vision.transfer_settings import TransferSettings

AT_ONCE, PROBED, IN_STEPS = "all at once", "head, then all", "in three steps"


def _arms(base: TransferSettings, networks: Sequence[InitialWeights]) -> list[Arm]:
    words = networks[0].words
    return [
        Arm(AT_ONCE, base, words, has_fresh_head=True),
        Arm(PROBED, replace(base, strategy="full"), words),
        Arm(IN_STEPS, replace(base, strategy="gradual"), words),
    ]


def conclude(measured: Measured) -> Conclusion:
    """Return whether unfreezing in steps is clearly better."""
    return Conclusion(_answer(measured), _table(measured), _charts(measured))


def _answer(measured: Measured) -> tuple[str, ...]:
    nothing = nothing_learnt(measured)
    if nothing:
        return nothing
    steps = measured.of(IN_STEPS)
    plain = compare(steps, measured.of(AT_ONCE), measured.test)
    probed = compare(steps, measured.of(PROBED), measured.test)
    return (
        _verdict(plain),
        comparison(IN_STEPS, AT_ONCE, plain),
        comparison(IN_STEPS, PROBED, probed),
        _describe_middle_step(probed),
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


def _describe_middle_step(gain: Difference | None) -> str:
    if gain is None or gain.over_seeds is None:
        return "These trainings can't show what the middle step adds to training the head first."
    if not gain.is_clear:
        return "The middle step (the last block) does not clearly add to training the head first."
    verb = "raises" if gain.mean > 0 else "lowers"
    return f"The middle step (the last block) {verb} the accuracy that training the head first gives."


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
        "One pair of lines for each seed. Where the head comes first, epoch 1 is its linear probe.",
    )
    if not measured.usable:
        return (losses,)
    bars = draw_bars([runs.name for runs in measured.runs], [accuracy_bars(measured), seconds_bars(measured)])
    return (Chart("Accuracy and time", bars, "One bar for each order."), losses)


EXPERIMENT = Experiment(
    epochs=6,
    description=(
        f"“{IN_STEPS}”: the head is solved as a linear probe, then the last block is trained with it, then "
        "everything, the earlier blocks at lower rates; each of the last two gets half of the epochs. "
        f"“{PROBED}” leaves out the middle step. “{AT_ONCE}” trains everything from the first step under a "
        "random head. The rate is 0.001 in all of them."
    ),
    arms=_arms,
    conclude=conclude,
)
