"""The experiment on optimizers: what momentum does to SGD, and how Adam and AdamW compare with it."""

import math
from collections.abc import Sequence
from dataclasses import replace

from lab.charts import Chart, accuracy_bars, loss_chart, seconds_bars
from lab.experiment import Conclusion, Experiment, Table
from lab.outcomes import Arm, ArmRuns, Measured, compare
from lab.rate_losses import losses_of
from lab.seeds import interval_of, mean_of
from lab.sentences import comparison, describe_failures, nothing_learnt, quoted, with_spread
from vision.charts import draw_bars
from vision.initial_weights import InitialWeights
from vision.training.training import OptimizerName
from vision.transfer_settings import TransferSettings

PLAIN, MOMENTUM = "SGD", "SGD with momentum"
# SGD's two have one rate, so that only the momentum differs. Adam's steps do not shrink with the gradient,
# and at SGD's rate they would destroy the pretrained features.
_SGD_RATE, _ADAM_RATE = 1e-2, 1e-4
_VARIANTS: dict[str, tuple[OptimizerName, float, float]] = {
    PLAIN: ("sgd", 0.0, _SGD_RATE),
    MOMENTUM: ("sgd", 0.9, _SGD_RATE),
    "Adam": ("adam", 0.0, _ADAM_RATE),
    "AdamW": ("adamw", 0.0, _ADAM_RATE),
}


def _arms(base: TransferSettings, networks: Sequence[InitialWeights]) -> list[Arm]:
    return [
        Arm(
            name,
            replace(base, optimizer=optimizer, momentum=momentum, learning_rate=rate),
            networks[0].words,
            phases=("everything",),
        )
        for name, (optimizer, momentum, rate) in _VARIANTS.items()
    ]


def conclude(measured: Measured) -> Conclusion:
    """Return what momentum changes, and how fast and how well each optimizer learns."""
    return Conclusion(_answer(measured), _table(measured), _charts(measured))


def _answer(measured: Measured) -> tuple[str, ...]:
    nothing = nothing_learnt(measured)
    plain = measured.of(PLAIN)
    if nothing or not plain.finished:
        return (*nothing, *describe_failures(measured))
    others = [runs for runs in measured.usable if runs.name != PLAIN]
    return (
        *(_describe_speed(runs, plain) for runs in others),
        *(comparison(runs.name, PLAIN, compare(runs, plain, measured.test)) for runs in others),
        *describe_failures(measured),
    )


def _describe_speed(runs: ArmRuns, plain: ArmRuns) -> str:
    own, other = (mean_of(losses_of(each).last_training) for each in (runs, plain))
    claim = (
        f"{quoted(runs.name)} ended at a training loss of {own:.3f} nats, and {quoted(PLAIN)} at {other:.3f}"
    )
    ratios = _log_ratios(runs, plain)
    interval = interval_of(ratios)
    if interval is None:
        return f"{claim}: one training of each can't show more than chance."
    if not interval.excludes_zero:
        return f"{claim}, which is within the spread: neither is clearly faster."
    if interval.mean > 0:
        return f"{claim}: it is clearly slower."
    return f"{claim}: it is clearly faster{_epochs_to_catch_up(runs, plain)}."


def _log_ratios(runs: ArmRuns, plain: ArmRuns) -> list[float]:
    # By ratios, since a loss of 2 spreads more than one of 0.1.
    last = {outcome.seed: outcome.epochs[-1].training_loss for outcome in plain.finished}
    return [
        math.log(outcome.epochs[-1].training_loss / last[outcome.seed])
        for outcome in runs.finished
        if outcome.seed in last
    ]


def _epochs_to_catch_up(runs: ArmRuns, plain: ArmRuns) -> str:
    """Return in how many epochs a variant was where plain SGD ended."""
    end = mean_of([outcome.epochs[-1].training_loss for outcome in plain.finished])
    num_epochs = [
        next(epoch.epoch for epoch in outcome.epochs if epoch.training_loss <= end)
        for outcome in runs.finished
        if outcome.epochs[-1].training_loss <= end
    ]
    if not num_epochs:
        return ""
    return f", and was there after {mean_of(num_epochs):.1f} of {len(plain.finished[0].epochs)} epochs"


def _table(measured: Measured) -> Table:
    columns = (
        "optimizer", "learning rate", "last training loss", "last validation loss", "diverged",
        "test accuracy", "seconds to train",
    )  # fmt: skip
    rows = []
    for runs in measured.runs:
        losses = losses_of(runs)
        rows.append(
            (
                runs.name,
                f"{_VARIANTS[runs.name][2]:g}",
                with_spread(losses.last_training, unit=" nats", factor=1, digits=3),
                with_spread(losses.last_validation, unit=" nats", factor=1, digits=3),
                f"{losses.num_diverged} of {len(runs.outcomes)}",
                with_spread(runs.accuracies(measured.test)),
                with_spread([outcome.seconds for outcome in runs.finished], unit=" s", factor=1),
            )
        )
    return Table(columns, tuple(rows))


def _charts(measured: Measured) -> tuple[Chart, ...]:
    losses = loss_chart(measured, "One pair of lines for each seed, all panels on one scale.")
    if not measured.usable:
        return (losses,)
    bars = draw_bars([runs.name for runs in measured.runs], [accuracy_bars(measured), seconds_bars(measured)])
    return (losses, Chart("Accuracy and time", bars, "One bar for each optimizer."))


EXPERIMENT = Experiment(
    epochs=6,
    description=(
        "The complete network is trained from the first step under a random head at a constant rate: "
        f"{_SGD_RATE:g} for SGD without and with momentum 0.9, {_ADAM_RATE:g} for Adam and AdamW, whose "
        "steps do not shrink with the gradient. Accuracies are of the epoch that was best on validation."
    ),
    arms=_arms,
    conclude=conclude,
)
