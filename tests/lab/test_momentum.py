from collections.abc import Callable
from typing import Any

from lab import momentum
from lab.outcomes import ArmRuns, Measured

MeasuredOf = Callable[..., Measured]
RunsOf = Callable[..., ArmRuns]
Epochs = Callable[..., Any]
RIGHT = [0.9, 0.9, 0.9]


def _three(epochs: Epochs, *losses: float) -> list[Any]:
    """Return three trainings whose losses differ a little."""
    return [epochs(*((loss * factor, loss) for loss in losses)) for factor in (0.97, 1.0, 1.02)]


def test_what_learns_faster_than_plain_sgd_is_named_with_the_epochs_that_it_took(
    measured_of: MeasuredOf, runs_of: RunsOf, epochs: Epochs
) -> None:
    measured = measured_of(
        runs_of(momentum.PLAIN, RIGHT, curves=_three(epochs, 0.69, 0.6, 0.5), fresh=True),
        runs_of(momentum.MOMENTUM, [0.95, 0.96, 0.95], curves=_three(epochs, 0.6, 0.4, 0.1), fresh=True),
        runs_of("Adam", RIGHT, curves=_three(epochs, 0.69, 0.68, 0.66), fresh=True),
        runs_of("AdamW", RIGHT, curves=[epochs((loss, loss)) for loss in (0.4, 0.5, 0.6)], fresh=True),
    )
    answer = momentum.conclude(measured).answer
    assert "“SGD with momentum” ended at a training loss of 0.100 nats, and “SGD” at 0.498" in answer[0]
    assert "it is clearly faster, and was there after 2.0 of 3 epochs" in answer[0]
    assert answer[1].endswith("it is clearly slower.")
    assert answer[2].endswith("within the spread: neither is clearly faster.")
    assert "“SGD with momentum” is 5.3 points above “SGD”" in answer[3]


def test_one_training_of_each_shows_nothing_and_a_lost_loss_is_named(
    measured_of: MeasuredOf, runs_of: RunsOf, epochs: Epochs
) -> None:
    curve = [epochs((0.5, 0.5), (0.4, 0.4))]
    measured = measured_of(
        runs_of(momentum.PLAIN, [0.9], curves=curve, fresh=True),
        runs_of(momentum.MOMENTUM, [0.9], curves=curve, fresh=True),
        runs_of("Adam", [None], curves=curve, fresh=True),
    )
    answer = momentum.conclude(measured).answer
    assert answer[0].endswith("one training of each can't show more than chance.")
    assert any("“Adam”: the loss became infinite or undefined in 1 of 1" in each for each in answer)
