import math
from collections.abc import Callable
from typing import Any

from lab import learning_rate
from lab.outcomes import ArmRuns, Measured

MeasuredOf = Callable[..., Measured]
RunsOf = Callable[..., ArmRuns]
Epochs = Callable[..., Any]


def _three(epochs: Epochs, *losses: tuple[float, float]) -> list[Any]:
    """Return three trainings whose losses differ a little."""
    return [
        epochs(*((training * factor, validation * factor) for training, validation in losses))
        for factor in (0.97, 1.0, 1.02)
    ]


def test_rates_too_small_and_too_large_are_recognised_by_their_losses(
    measured_of: MeasuredOf, runs_of: RunsOf, epochs: Epochs
) -> None:
    right = [0.9, 0.9, 0.9]
    slow = _three(epochs, (0.69, 0.68), (0.62, 0.63), (0.55, 0.58))
    good = _three(epochs, (0.5, 0.4), (0.3, 0.3), (0.1, 0.2))
    near = [epochs((0.4, 0.4), (0.1, loss)) for loss in (0.19, 0.25, 0.21)]
    jumping = _three(epochs, (0.9, 0.5), (1.0, 2.0), (2.0, 3.0))
    measured = measured_of(
        runs_of("0.0001", right, curves=slow, fresh=True),
        runs_of("0.001", right, curves=good, fresh=True),
        runs_of("0.01", right, curves=near, fresh=True),
        runs_of("0.1", right, curves=jumping, fresh=True),
    )
    best, small, close, large = learning_rate.conclude(measured).answer
    assert "lowest at a rate of 0.001: 0.199 nats" in best
    assert "0.0001 is too small" in small
    assert "still fell by 11 % in the last epoch" in small
    assert "0.01 is not clearly too large" in close
    assert "0.1 is too large" in large
    assert "rises again or oscillates" in large


def test_rates_at_which_the_loss_is_lost_are_too_large(
    measured_of: MeasuredOf, runs_of: RunsOf, epochs: Epochs
) -> None:
    good = _three(epochs, (0.5, 0.4), (0.3, 0.3))
    broken = [(), epochs((0.7, math.nan)), epochs((0.7, 0.6), (0.5, 0.5))]
    measured = measured_of(
        runs_of("0.001", [0.9, 0.9, 0.9], curves=good, fresh=True),
        runs_of("0.1", [None, 0.5, 0.9], curves=broken, fresh=True),
    )
    conclusion = learning_rate.conclude(measured)
    assert "0.1 is too large: the loss became infinite or undefined in 2 of 3 trainings." in conclusion.answer
    assert "That is the smallest rate tried: a smaller one may be better." in conclusion.answer
    assert conclusion.table.rows[1][4] == "2 of 3"


def test_a_rate_that_stands_still_above_the_best_is_described_as_such(
    measured_of: MeasuredOf, runs_of: RunsOf, epochs: Epochs
) -> None:
    right = [0.9, 0.9, 0.9]
    flat = _three(epochs, (0.69, 0.69), (0.69, 0.69))
    good = _three(epochs, (0.5, 0.4), (0.3, 0.3))
    low, high = (runs_of(rate, right, curves=flat, fresh=True) for rate in ("0.0001", "0.1"))
    answer = learning_rate.conclude(measured_of(low, runs_of("0.001", right, curves=good), high)).answer
    assert "hardly moves (0 % less" in answer[1]
    assert "its steps are too long" in answer[2]


def test_one_training_of_each_rate_shows_little(
    measured_of: MeasuredOf, runs_of: RunsOf, epochs: Epochs
) -> None:
    good = runs_of("0.001", [0.9], curves=[epochs((0.5, 0.4), (0.3, 0.3))])
    worse = runs_of("0.01", [0.9], curves=[epochs((0.5, 0.4), (0.9, 0.9))])
    answer = learning_rate.conclude(measured_of(good, worse)).answer
    assert "0.01 may be too large" in answer[1]
    assert "more than chance" in answer[1]


def test_rates_that_all_diverge_are_named(measured_of: MeasuredOf, runs_of: RunsOf) -> None:
    measured = measured_of(
        runs_of("0.01", [None, None], curves=[(), ()]), runs_of("0.1", [None, None], curves=[(), ()])
    )
    conclusion = learning_rate.conclude(measured)
    assert "every training diverged" in conclusion.answer[0]
    assert "at every rate: 2 of 2 trainings at 0.01 and 2 of 2 trainings at 0.1" in conclusion.answer[1]
    assert "diverged in epoch 1" in conclusion.charts[0].svg
