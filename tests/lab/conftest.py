"""Experiments with given figures, to test the sentences that follow from them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pytest
import torch

from lab.images import LabImages
from lab.outcomes import Arm, ArmRuns, Measured, Outcome
from tests.homes import home, make_images, run, run_json, settings  # noqa: F401  # used by name
from tests.hub_server import no_hub  # noqa: F401  # used by name
from vision.training.training import Epoch
from vision.transfer_settings import TransferSettings

NUM_TEST = 200


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    num_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(num_threads)


def epochs(*losses: tuple[float, float]) -> tuple[Epoch, ...]:
    """Return epochs of these training and validation losses."""
    return tuple(
        Epoch(number, training, validation, 0.5, 0.5, 1.0)
        for number, (training, validation) in enumerate(losses, start=1)
    )


def answers(accuracy: float, num: int = NUM_TEST) -> Any:
    """Return which answers are right: the first ones, so that better variants are right where worse are."""
    return np.arange(num) < round(accuracy * num)


def runs_of(name: str, accuracies: Sequence[float | None], **given: Any) -> ArmRuns:
    """Return the trainings of one variant, one for each accuracy; None stands for one that diverged.

    Args:
        name: The variant's.
        accuracies: On the test.
        given: `seconds`, `training_accuracy`, `curves`, `shifted`, `strategy`, `start`, `fresh`.
    """
    training = TransferSettings(strategy=given.get("strategy", "full"), epochs=3)
    arm = Arm(
        name, training, given.get("start", "ImageNet weights"), ("everything",) if given.get("fresh") else ()
    )
    curves = given.get("curves") or [epochs((0.5, 0.6), (0.4, 0.5), (0.3, 0.4))] * len(accuracies)
    outcomes = []
    for seed, (accuracy, curve) in enumerate(zip(accuracies, curves, strict=True)):
        if accuracy is None:
            outcomes.append(Outcome(seed, curve, 1.0, diverged="The loss became nan."))
            continue
        right = {"test": answers(accuracy)}
        if "shifted" in given:
            right = {"clean": answers(accuracy), "shifted": answers(given["shifted"][seed])}
        outcomes.append(
            Outcome(
                seed=seed,
                epochs=curve,
                seconds=given.get("seconds", 1.0),
                right=right,
                training_accuracy=given.get("training_accuracy", 0.99),
                num_trained=given.get("num_trained", 1000),
                milliseconds=given.get("milliseconds", 2.0),
            )
        )
    return ArmRuns(arm, tuple(outcomes))


def measured_of(*runs: ArmRuns, tests: Sequence[str] = ("test",)) -> Measured:
    """Return what an experiment with these trainings measured, on two classes of the same size."""
    pairs = [(b"", index % 2) for index in range(NUM_TEST)]
    parts: Mapping[str, Any] = dict.fromkeys(tests, pairs)
    images = LabImages("pictures", ("blue", "red"), [(b"", 0), (b"", 1)], parts, 32, "basic")
    return Measured(images, runs, tuple(range(len(runs[0].outcomes))))


@pytest.fixture(name="runs_of")
def runs_of_fixture() -> Callable[..., ArmRuns]:
    return runs_of


@pytest.fixture(name="measured_of")
def measured_of_fixture() -> Callable[..., Measured]:
    return measured_of


@pytest.fixture(name="epochs")
def epochs_fixture() -> Callable[..., tuple[Epoch, ...]]:
    return epochs
