"""The experiment on how much of a network to train: its head, its last block too, or everything."""

from collections.abc import Sequence
from dataclasses import replace

from lab.charts import Chart, accuracy_bars, chance_loss, seconds_bars
from lab.choosing import cheapest_unbeaten, describe_choice, seconds_of
from lab.experiment import Conclusion, Experiment, Table
from lab.outcomes import Arm, Measured
from lab.sentences import counted, describe_failures, nothing_learnt, quoted, with_spread
from vision.charts import Bars, draw_bars, draw_losses
from vision.initial_weights import InitialWeights
from vision.transfer_settings import TransferSettings

_STRATEGIES = ("linear_probe", "partial", "full")
HEAD_IN_STEPS = "head in steps"
# The upper end of what suits a head alone: a batch of 32 makes few steps an epoch.
_HEAD_RATE = 1e-2


def _arms(base: TransferSettings, networks: Sequence[InitialWeights]) -> list[Arm]:
    words = networks[0].words
    # No early stop: each is trained for the same number of epochs.
    base = replace(base, patience=base.epochs)
    probe, *tuned = (
        Arm(strategy.replace("_", " "), replace(base, strategy=strategy), words) for strategy in _STRATEGIES
    )
    in_steps = Arm(HEAD_IN_STEPS, replace(base, learning_rate=_HEAD_RATE), words, phases=("head",))
    return [probe, in_steps, *tuned]


def conclude(measured: Measured) -> Conclusion:
    """Return which strategy to use, and what each costs."""
    return Conclusion(_answer(measured), _table(measured), _charts(measured))


def _answer(measured: Measured) -> tuple[str, ...]:
    nothing = nothing_learnt(measured)
    if nothing:
        return nothing
    chosen = cheapest_unbeaten(measured)
    return (
        *describe_choice(measured, chosen),
        *_describe_costs(measured),
        *_describe_kept_probes(measured),
        *describe_failures(measured),
    )


def _describe_costs(measured: Measured) -> tuple[str, ...]:
    ordered = sorted(measured.usable, key=seconds_of)
    if len(ordered) < 2:
        return ()
    first, last = ordered[0], ordered[-1]
    times = seconds_of(last) / seconds_of(first)
    few, many = first.finished[0].num_trained, last.finished[0].num_trained
    return (
        f"{quoted(last.name)} takes {times:.1f} times as long as {quoted(first.name)}, and trains {many:,} "
        f"parameters instead of {few:,}.",
    )


def _describe_kept_probes(measured: Measured) -> tuple[str, ...]:
    """Return a sentence for each strategy whose fine-tuning was never better on validation than its probe."""
    sentences = []
    for runs in measured.usable:
        if runs.arm.settings.strategy == "linear_probe" or runs.arm.phases:
            continue
        curves = [outcome.epochs for outcome in runs.finished]
        num = sum(not any(epoch.is_better_than(curve[0]) for epoch in curve[1:]) for curve in curves)
        if num:
            sentences.append(
                f"In {num} of {len(curves)} trainings “{runs.name}” kept the probe that it started from: no "
                "epoch of fine-tuning was better on the validation images."
            )
    return tuple(sentences)


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
    in_steps = [runs for runs in measured.runs if runs.arm.settings.strategy != "linear_probe"]
    curves = draw_losses(
        {runs.name: [outcome.epochs for outcome in runs.outcomes] for runs in in_steps}, chance_loss(measured)
    )
    return (
        Chart("Accuracy and costs", bars, "One bar for each part that is trained."),
        Chart(
            "Losses by epoch",
            curves,
            "One pair of lines for each seed. Epoch 1 of partial and full is the linear probe that they "
            "start from; the probe alone is solved and has no epochs.",
        ),
    )


EXPERIMENT = Experiment(
    epochs=10,
    description=(
        "The experiment compares a linear probe (a head solved on frozen features), the same head trained in "
        f"steps (SGD with momentum 0.9 at a rate of {_HEAD_RATE:g}, from a random head), partial (the last "
        "block is fine-tuned too) and full (everything is). Partial and full start from the probe's head."
    ),
    arms=_arms,
    conclude=conclude,
)
