"""The experiment on how much of a network to train: its head, its last block too, or everything."""

from dataclasses import replace

from perennial.lab.arms import Arm
from perennial.lab.choosing import choice_told, quickest_unbeaten, seconds_of
from perennial.lab.exercise import Exercise, Setup
from perennial.lab.findings import Chart, Findings, Table
from perennial.lab.outcomes import Measured
from perennial.lab.standard_charts import accuracy_bars, chance_loss, seconds_bars
from perennial.lab.wording import counted, exceptions, nothing_learnt, quoted, with_spread
from vision.charts import Bars, draw_bars, draw_losses

_STRATEGIES = ("linear_probe", "partial", "full")


def _arms(setup: Setup) -> list[Arm]:
    return [
        Arm(strategy.replace("_", " "), replace(setup.base, strategy=strategy), setup.start.words)
        for strategy in _STRATEGIES
    ]


def find(measured: Measured) -> Findings:
    """Return which strategy to take, and what each costs."""
    return Findings(_answer(measured), _table(measured), _charts(measured))


def _answer(measured: Measured) -> tuple[str, ...]:
    nothing = nothing_learnt(measured)
    if nothing:
        return nothing
    chosen = quickest_unbeaten(measured)
    return (*choice_told(measured, chosen), *_prices(measured), *_unmoved(measured), *exceptions(measured))


def _prices(measured: Measured) -> tuple[str, ...]:
    ordered = sorted(measured.usable, key=seconds_of)
    if len(ordered) < 2:
        return ()
    first, last = ordered[0], ordered[-1]
    times = seconds_of(last) / seconds_of(first)
    few, many = first.finished[0].num_trained, last.finished[0].num_trained
    return (
        f"{quoted(last.name)} takes {times:.1f} times as long as {quoted(first.name)}, and trains {many:,} "
        f"parameters against {few:,}.",
    )


def _unmoved(measured: Measured) -> tuple[str, ...]:
    """Say where the probe that fine-tuning starts from was better on validation than all that followed."""
    told = []
    for runs in measured.usable:
        if runs.arm.settings.strategy == "linear_probe":
            continue
        curves = [outcome.epochs for outcome in runs.finished]
        num = sum(not any(epoch.is_better_than(curve[0]) for epoch in curve[1:]) for curve in curves)
        if num:
            told.append(
                f"In {num} of {len(curves)} trainings “{runs.name}” kept the probe that it started from: no "
                "epoch of fine-tuning was better on the validation images."
            )
    return tuple(told)


def _table(measured: Measured) -> Table:
    columns = (
        "trained part", "parameters trained", "test accuracy", "training accuracy", "seconds to train"
    )  # fmt: skip
    rows = [
        (
            runs.name,
            counted([outcome.num_trained for outcome in runs.finished]),
            with_spread(runs.accuracies(measured.test)),
            with_spread([outcome.training_accuracy for outcome in runs.finished]),
            with_spread([outcome.seconds for outcome in runs.finished], unit=" s", factor=1),
        )
        for runs in measured.runs
    ]
    return Table(columns, tuple(rows))


def _charts(measured: Measured) -> tuple[Chart, ...]:
    if not measured.usable:
        return ()
    parameters = Bars(
        "parameters trained",
        [[outcome.num_trained for outcome in runs.finished] for runs in measured.runs],
        is_logarithmic=True,
    )
    bars = draw_bars(
        [runs.name for runs in measured.runs], [accuracy_bars(measured), seconds_bars(measured), parameters]
    )
    tuned = [runs for runs in measured.runs if runs.arm.settings.strategy != "linear_probe"]
    curves = draw_losses(
        {runs.name: [outcome.epochs for outcome in runs.outcomes] for runs in tuned}, chance_loss(measured)
    )
    return (
        Chart("What each gives and costs", bars, "One bar for each part that is trained."),
        Chart(
            "Losses while fine-tuning",
            curves,
            "One pair of lines for each seed. Epoch 1 is the linear probe that fine-tuning starts from; the "
            "probe alone is solved and has no epochs.",
        ),
    )


EXERCISE = Exercise(
    epochs=5,
    describe=(
        "Compared are a linear probe (a head solved on frozen features), partial (the last block is "
        "fine-tuned too) and full (everything is); both fine-tunings start from the probe's head."
    ),
    arms=_arms,
    find=find,
)
