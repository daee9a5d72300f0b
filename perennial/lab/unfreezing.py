"""The experiment on thawing a network in steps against training all of it from the first step."""

from dataclasses import replace

from perennial.lab.arms import Arm
from perennial.lab.courses import FALL, last_fall_of
from perennial.lab.exercise import Exercise, Setup
from perennial.lab.findings import Chart, Findings, Table
from perennial.lab.outcomes import ArmRuns, Measured, compare
from perennial.lab.seeds import Difference, mean_of
from perennial.lab.standard_charts import accuracy_bars, loss_chart, seconds_bars
from perennial.lab.wording import compared, exceptions, nothing_learnt, with_spread
from vision.charts import draw_bars

AT_ONCE, PROBED, IN_STEPS = "all at once", "head, then all", "in three steps"


def _arms(setup: Setup) -> list[Arm]:
    base, words = setup.base, setup.start.words
    return [
        Arm(AT_ONCE, base, words, has_fresh_head=True),
        Arm(PROBED, replace(base, strategy="full"), words),
        Arm(IN_STEPS, replace(base, strategy="gradual"), words),
    ]


def find(measured: Measured) -> Findings:
    """Return whether thawing in steps is clearly better than not."""
    return Findings(_answer(measured), _table(measured), _charts(measured))


def _answer(measured: Measured) -> tuple[str, ...]:
    nothing = nothing_learnt(measured)
    if nothing:
        return nothing
    steps = measured.of(IN_STEPS)
    plain = compare(steps, measured.of(AT_ONCE), measured.test)
    probed = compare(steps, measured.of(PROBED), measured.test)
    return (
        _verdict(plain),
        compared(IN_STEPS, AT_ONCE, plain),
        compared(IN_STEPS, PROBED, probed),
        _middle(probed),
        *_unfinished(measured.of(AT_ONCE)),
        *exceptions(measured),
    )


def _verdict(found: Difference | None) -> str:
    if found is None or found.over_seeds is None:
        return "Whether thawing in steps improves the accuracy can't be told from these trainings."
    if not found.is_clear:
        return (
            "That thawing in steps improves the accuracy is not shown: what it changes is within the spread."
        )
    if found.mean > 0:
        return "Yes: thawing in steps is clearly better than training everything from the first step."
    return "No: thawing in steps is clearly worse than training everything from the first step."


def _middle(found: Difference | None) -> str:
    if found is None or found.over_seeds is None:
        return "What the middle step adds to training the head first can't be told."
    if not found.is_clear:
        return "The middle step, the last block alone, adds nothing that counts to training the head first."
    verb = "adds to" if found.mean > 0 else "takes away from"
    return f"The middle step, the last block alone, {verb} what training the head first gives."


def _unfinished(runs: ArmRuns) -> tuple[str, ...]:
    """Say where training everything from the first step had not come to its end."""
    falls = [last_fall_of(outcome.epochs) for outcome in runs.finished if len(outcome.epochs) > 1]
    if not falls or mean_of(falls) <= FALL:
        return ()
    return (
        f"“{AT_ONCE}” was still learning when its epochs were over: its training loss fell by "
        f"{100 * mean_of(falls):.0f} % in the last one. More epochs or a higher rate would bring it nearer.",
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


EXERCISE = Exercise(
    epochs=6,
    describe=(
        f"“{IN_STEPS}”: the head is solved as a linear probe, then the last block is trained with it, then "
        "everything, the earlier blocks at lower rates; each of the last two gets half of the epochs. "
        f"“{PROBED}” leaves out the middle step. “{AT_ONCE}” trains everything from the first step under a "
        "random head. The rate is 0.001 in all of them."
    ),
    arms=_arms,
    find=find,
)
