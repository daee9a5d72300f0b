"""The experiment on learning rates: how rates that are too small or too large show in the losses."""

from collections.abc import Sequence
from dataclasses import replace

from lab.charts import Chart, chance_loss
from lab.experiment import Conclusion, Experiment, Table
from lab.outcomes import Arm, Measured
from lab.rate_losses import RateLosses, describe_rates, losses_of
from lab.sentences import nothing_learnt, with_spread
from vision.charts import draw_losses
from vision.initial_weights import InitialWeights
from vision.transfer_settings import TransferSettings

RATES = (1e-4, 1e-3, 1e-2, 1e-1)


def _arms(base: TransferSettings, networks: Sequence[InitialWeights]) -> list[Arm]:
    return [
        Arm(f"{rate:g}", replace(base, learning_rate=rate), networks[0].words, phases=("everything",))
        for rate in RATES
    ]


def conclude(measured: Measured) -> Conclusion:
    """Return which rates are too small or too large, judged by their losses."""
    rates = [losses_of(runs) for runs in measured.runs]
    return Conclusion(_answer(measured, rates), _table(measured, rates), _charts(measured))


def _answer(measured: Measured, rates: list[RateLosses]) -> tuple[str, ...]:
    return (*nothing_learnt(measured), *describe_rates(rates, measured.runs[0].arm.settings.epochs or 0))


def _table(measured: Measured, rates: list[RateLosses]) -> Table:
    columns = (
        "learning rate", "last training loss", "last validation loss", "lowest validation loss",
        "diverged", "test accuracy",
    )  # fmt: skip
    rows = [
        (
            runs.name,
            with_spread(rate.last_training, unit=" nats", factor=1, digits=3),
            with_spread(rate.last_validation, unit=" nats", factor=1, digits=3),
            with_spread(rate.lowest_validation, unit=" nats", factor=1, digits=3),
            f"{rate.num_diverged} of {len(runs.outcomes)}",
            with_spread(runs.accuracies(measured.test)),
        )
        for runs, rate in zip(measured.runs, rates, strict=True)
    ]
    return Table(columns, tuple(rows))


def _charts(measured: Measured) -> tuple[Chart, ...]:
    panels = {
        f"learning rate {runs.name}": [outcome.epochs for outcome in runs.outcomes] for runs in measured.runs
    }
    return (
        Chart(
            "Losses by learning rate",
            draw_losses(panels, chance_loss(measured)),
            "One pair of lines for each seed, all panels on one scale. It ends at three times the loss of "
            "guessing; lines that leave it continue above. A training loss is the mean over an epoch.",
        ),
    )


EXPERIMENT = Experiment(
    epochs=5,
    description=(
        "The complete network is trained from the first step under a random head, by SGD with momentum 0.9 "
        "at a constant rate. Accuracies are of the epoch that was best on validation."
    ),
    arms=_arms,
    conclude=conclude,
)
