"""Rounds that adapt to what production has seen without labels."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
import torch

from retrain.dataset import Item
from retrain.models import RoundModels
from retrain.settings import RoundSettings
from store.predictions.predictions import LoggedPrediction, log_predictions
from store.samples.splits import SplitSettings
from tests.retrain.world import World
from vision.engines.choice import EngineSettings

CLASSES = ("blue", "green", "red", "yellow")

TORCH = EngineSettings(kind="torch")


@pytest.fixture
def logged(world: World, picture: Any) -> list[str]:
    """Log pictures of the night as predictions of production; return their digests."""
    contents = [picture("blue", 50_000 + number, night=True) for number in range(40)]
    digests = [world.blobs.put(content) for content in contents]
    rows = [
        LoggedPrediction(
            id=f"prediction-{number}",
            sha256=digest,
            num_bytes=len(contents[number]),
            label="blue",
            confidence=0.9,
            version="v1",
            embedding=b"",
            group=None,
            source="tests",
            created=datetime.now(UTC),
        )
        for number, digest in enumerate(digests)
    ]
    world.database.write(lambda connection: log_predictions(connection, rows, SplitSettings()))
    return digests


@pytest.fixture
def brief(world: World) -> RoundSettings:
    return replace(world.settings, fine_tune=replace(world.settings.fine_tune, epochs=1))


@pytest.mark.slow
def test_a_student_has_the_statistics_of_the_target_images_and_the_champions_weights(
    world: World, logged: list[str]
) -> None:
    models = RoundModels(world.production, world.blobs, TORCH)
    plain, adapted = models.student().state_dict(), models.student(logged).state_dict()
    assert torch.equal(plain["bn1.running_mean"], models.artifact.state["bn1.running_mean"])
    assert not torch.equal(adapted["bn1.running_mean"], plain["bn1.running_mean"])
    assert all(
        torch.equal(adapted[name], plain[name])
        for name in plain
        if "running" not in name and "num_batches" not in name
    )


@pytest.mark.slow
def test_a_round_adapts_to_logged_images_and_records_to_how_many(
    world: World, logged: list[str], brief: RoundSettings
) -> None:
    world.send(CLASSES, 40)
    ended = world.run(replace(brief, adaptations=("batch_norm",)))
    entered = next(step for step in world.steps(ended.id) if step.step == "training")
    # One image in five is held out, for a champion that is judged on such.
    assert 8 <= entered.detail["num_adapted"] < 40


def test_too_few_logged_images_are_not_adapted_to(world: World, brief: RoundSettings) -> None:
    world.send(CLASSES, 40)
    ended = world.run(replace(brief, adaptations=("batch_norm",)))
    entered = next(step for step in world.steps(ended.id) if step.step == "training")
    assert entered.detail["num_adapted"] == 0


@pytest.mark.slow
def test_a_round_can_learn_from_variants_that_simulate_a_shift(world: World, picture: Any) -> None:
    models = RoundModels(world.production, world.blobs, TORCH)
    items = [Item(world.blobs.put(picture("blue", number)), 0) for number in range(8)]
    plain, varied = models.images(items, "gentle"), models.images(items, "gentle", simulates_shift=True)
    assert sum(not torch.equal(plain[index][0], varied[index][0]) for index in range(8)) > 4
