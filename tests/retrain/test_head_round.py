"""A round that solves the head first, and trains all layers only where that is not sure to gain."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from sqlalchemy import update

from retrain import candidate
from retrain.blend_choice import Blend
from retrain.gate.settings import GateSettings
from retrain.models import RoundModels
from retrain.settings import RoundSettings
from store.database.schema import versions
from store.rounds.log import recorded_samples
from store.rounds.records import Round
from tests.retrain.test_ensemble_round import ensemble_of, promote
from tests.retrain.world import CLASSES, FAST, World
from vision.artifact import Artifact
from vision.engines.choice import EngineSettings

TORCH = EngineSettings(kind="torch")
AUTO = replace(FAST, candidates="auto", min_direct=10)


def _run(world: World, settings: RoundSettings = AUTO, strategy: str = "linear_probe") -> Round:
    world.database.write(lambda c: c.execute(update(versions).values(metrics={"strategy": strategy})))
    world.send(CLASSES, 320)
    return world.run(settings)


def _notes(world: World, round_id: int, name: str) -> list[dict[str, Any]]:
    return [step.detail for step in world.steps(round_id) if step.step == name]


def _never_sure(blend: Blend) -> bool:
    return False


def test_a_sure_head_is_all_that_changes_and_nothing_else_is_trained(world: World) -> None:
    before = RoundModels(world.production, world.blobs, TORCH).artifact
    ended = _run(world, replace(AUTO, head_memory=40))
    assert ended.state == "promoted", ended.reason
    [note] = _notes(world, ended.id, "candidate")
    assert note["taken"] == "head"
    assert note["why"].startswith("The head alone gains")
    assert _notes(world, ended.id, "epoch") == []
    after = RoundModels(world.production, world.blobs, TORCH).artifact
    changed = {name for name, tensor in after.state.items() if not torch.equal(tensor, before.state[name])}
    assert changed == {"fc.weight", "fc.bias"}
    assert world.production.metrics["strategy"] == "linear_probe"


@pytest.mark.slow
@pytest.mark.parametrize(("strategy", "is_sure"), [("linear_probe", False), ("full", True)])
def test_all_layers_are_trained_too_where_validation_is_not_sure_or_layers_are_our_own(
    world: World, monkeypatch: pytest.MonkeyPatch, strategy: str, is_sure: bool
) -> None:
    if not is_sure:
        monkeypatch.setattr(candidate, "is_sure", _never_sure)
    ended = _run(world, strategy=strategy)
    assert [note["candidate"] for note in _notes(world, ended.id, "blend")] == ["head", "full"]
    [note] = _notes(world, ended.id, "candidate")
    gains = {
        note["candidate"]: max(
            tried["gain_new"] for tried in note["tried"] if tried["weight"] == note["weight"]
        )
        for note in _notes(world, ended.id, "blend")
    }
    assert note["taken"] == ("head" if gains["head"] >= gains["full"] else "full")
    assert len(_notes(world, ended.id, "epoch")) == AUTO.fine_tune.epochs
    assert ended.state == "promoted", ended.reason
    assert world.production.metrics["strategy"] == ("full" if note["taken"] == "full" else strategy)


@pytest.mark.slow
def test_a_head_that_proves_too_little_is_followed_by_all_layers(world: World) -> None:
    # Nothing passes at the first level.
    ended = _run(world, replace(AUTO, gate=GateSettings(alpha_first=1e-12)))
    [cure] = _notes(world, ended.id, "cure")
    assert (cure["cause"], cure["cure"]) == ("new_not_learnt", "deeper")
    assert cure["why"] == "It learnt too little of the new for a proof. All layers are trained."
    assert [attempt.cure for attempt in world.attempts(ended.id)] == ["fine_tune", "deeper"]
    assert len(_notes(world, ended.id, "epoch")) == AUTO.fine_tune.epochs
    assert ended.state == "promoted", ended.reason


@pytest.mark.slow
def test_the_head_alone_is_all_that_a_setting_may_ask_for(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(candidate, "is_sure", _never_sure)
    ended = _run(world, replace(AUTO, candidates="head"))
    assert [note["candidate"] for note in _notes(world, ended.id, "blend")] == ["head"]
    assert _notes(world, ended.id, "epoch") == []


@pytest.mark.slow
def test_an_ensemble_and_a_round_without_replay_say_why_they_solve_no_head(
    world: World, day_artifact: Artifact
) -> None:
    quick = replace(FAST.fine_tune, epochs=1)
    without_replay = _run(world, replace(AUTO, fine_tune=replace(quick, replay_ratio=0.0)))
    [note] = _notes(world, without_replay.id, "candidate")
    assert note == {"taken": "full", "why": "There are no old samples to hold a head to the old."}
    promote(world, ensemble_of(day_artifact))
    of_ensemble = _run(world, replace(AUTO, fine_tune=quick))
    [note] = _notes(world, of_ensemble.id, "candidate")
    assert note["taken"] == "full"
    assert note["why"].startswith("The head of an ensemble")


def test_the_memory_is_recorded_as_replayed_and_no_sample_twice(world: World) -> None:
    world.send(CLASSES, 24)
    ended = world.run(replace(AUTO, head_memory=40, candidates="head"))
    with world.database.read() as connection:
        recorded = recorded_samples(connection, ended.id)
    ids = [sample_id for sample_id, _, _ in recorded]
    assert len(ids) == len(set(ids))
    # All of these were learnt by the first version: 40 at least are drawn, and its 40 validation images.
    assert sum(role == "replay" for _, role, _ in recorded) >= 80
