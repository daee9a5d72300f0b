from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch

from retrain import candidate
from retrain.candidate import Candidate, CandidateTraining
from retrain.fine_tune import fine_tune
from retrain.gate.settings import GateSettings
from retrain.journal import Journal
from retrain.learner import child
from retrain.learner.round_process import FINISHED
from retrain.settings import FineTuneSettings, RoundSettings
from store import leases, registry, slices
from store.errors import FencedError
from store.measurements import series
from store.rounds import rounds
from store.samples.pending import num_pending
from store.versions import NewVersion, add_version
from tests.retrain.world import World
from vision.artifact import Artifact
from vision.batches import LabelledTensors
from vision.engines import processor, served_form
from vision.engines.kind import MODEL_FILE
from vision.network import Classifier
from vision.training.training import TrainingResult

CLASSES = ("blue", "green", "red", "yellow")


def _before_evaluating(monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]) -> None:
    """Let something happen in the middle of a round."""
    train = CandidateTraining.candidate

    def act_last(training: CandidateTraining) -> Candidate:
        trained = train(training)
        act()
        return trained

    monkeypatch.setattr(CandidateTraining, "candidate", act_last)


# A test of `perennial train` holds that its metrics have these names.
MEASURED_BY_TRAIN_TOO = {
    "golden_accuracy", "num_golden", "calibration_error", "backbone", "image_size", "temperature",
    "diagnosis", "num_epochs", "num_members", "served_precision", "strategy",
}  # fmt: skip


@pytest.fixture
def brief(world: World) -> RoundSettings:
    """A round of one gentle epoch, for what doesn't depend on what is learnt."""
    return replace(world.settings, fine_tune=replace(world.settings.fine_tune, epochs=1, learning_rate=1e-5))


def _make_processor(monkeypatch: pytest.MonkeyPatch, *capabilities: str) -> None:
    properties = dict.fromkeys(capabilities, True) | {"cpu_name": "AMD EPYC"}
    monkeypatch.setattr(processor, "_capabilities", lambda: properties)
    for module in (processor, served_form):
        monkeypatch.setattr(module, "MIN_IMAGE_SIZE", 32)


@pytest.mark.usefixtures("trained_once")
def test_a_good_round_is_promoted_with_its_slice_and_its_measurements(world: World) -> None:
    world.send(CLASSES, 160)
    ended = world.run(replace(world.settings, engine="auto"))
    assert ended.state == "promoted", ended.reason
    assert (ended.production, ended.candidate) == ("v1", "v2")
    assert world.production.version == "v2"
    assert world.num_pending == 0
    with world.database.read() as connection:
        assert slices.slice_names(connection, 1) == ["golden-1", f"round-{ended.id}"]
        measured = {(m.version, m.slice): m.value for m in series(connection, "accuracy")}
    assert measured["v2", "round-1"] > measured["v1", "round-1"] + 0.1
    assert measured["v2", "golden-1"] > 0.9
    assert {"curves.png", "reference.safetensors", MODEL_FILE} <= world.production.files.keys()
    noted = next(step for step in world.steps(ended.id) if step.step == "served_form")
    assert noted.detail == {"served_precision": "float32", "share_changed": 0.0}
    assert ended.curves is not None
    assert len(ended.curves["epochs"]) == world.settings.fine_tune.epochs
    assert world.attempts(ended.id)[-1].verdict == ended.verdict
    metrics = world.production.metrics
    assert metrics.keys() - {"new_accuracy", "num_new", "share_changed"} == MEASURED_BY_TRAIN_TOO
    assert metrics["golden_accuracy"] == measured["v2", "golden-1"]
    assert metrics["new_accuracy"] == measured["v2", "round-1"]


@pytest.mark.slow
@pytest.mark.parametrize(("has_it", "expected"), [(True, "bfloat16"), (False, "float32")])
def test_a_round_trains_in_the_precision_that_the_processor_has(
    has_it: bool, expected: str, world: World, brief: RoundSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    _make_processor(monkeypatch, *(["avx512_bf16"] if has_it else []))
    # What is served is another matter.
    monkeypatch.setattr(served_form, "MIN_IMAGE_SIZE", 33)
    precisions = []

    def fine_tune_in_float32(
        champion: Artifact,
        student: Classifier,
        training: LabelledTensors,
        num_new: int,
        validation: LabelledTensors,
        settings: FineTuneSettings,
        **hooks: Any,
    ) -> TrainingResult:
        precisions.append(settings.precision)
        # A processor without bfloat16 takes many times as long in it.
        settings = replace(settings, precision="float32")
        return fine_tune(champion, student, training, num_new, validation, settings, **hooks)

    monkeypatch.setattr(candidate, "fine_tune", fine_tune_in_float32)
    world.send(CLASSES, 20)
    world.run(replace(brief, precision="auto"))
    assert precisions == [expected]


@pytest.mark.slow
def test_in_int8_a_round_judges_and_promotes_what_is_served(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    _make_processor(monkeypatch, "avx2")
    world.send(CLASSES, 160)
    ended = world.run(replace(world.settings, engine="auto", precision="auto"))
    assert ended.state == "promoted", ended.reason
    with world.database.read() as connection:
        measured = {(m.version, m.slice): m.value for m in series(connection, "accuracy")}
    assert measured["v2", "round-1"] > measured["v1", "round-1"] + 0.1
    assert measured["v2", "golden-1"] > 0.9
    assert MODEL_FILE in world.production.files
    assert world.production.metrics["served_precision"] == "int8"
    noted = next(step for step in world.steps(ended.id) if step.step == "served_form")
    assert noted.detail["share_changed"] <= served_form.MAX_CHANGED


@pytest.mark.slow
def test_without_a_low_weight_a_round_says_so_and_keeps_to_one_thread(
    world: World, brief: RoundSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.send(CLASSES, 20)
    round_id, fencing = world.begin()
    threads: list[int] = []
    monkeypatch.setattr(torch, "set_num_threads", threads.append)
    many = replace(brief, fine_tune=replace(brief.fine_tune, num_threads=4))
    journal = Journal(world.database, round_id, fencing)
    status = child.main(world.state, many, journal, priority_error="no weights here")
    assert status == FINISHED
    noted = next(step for step in world.steps(round_id) if step.step == "priority")
    assert noted.detail == {"obstacle": "no weights here", "threads": 1}
    assert set(threads) == {1}


def test_a_round_that_forgets_is_rejected_and_its_cure_judged(
    world: World, without_replay: RoundSettings
) -> None:
    # No cure passes at such a level, so that production must stay whatever it is worth.
    world.send(("blue", "green"), 100)
    gate = GateSettings(alpha_second=1e-12)
    # The whole candidate: a blend would be chosen that forgets nothing.
    strict = replace(without_replay, min_direct=10, blends=(1.0,), gate=gate)
    ended = world.run(strict)
    first, cured = world.attempts(ended.id)
    assert ended.state == "rejected", ended.reason
    assert ended.verdict is not None
    assert set(ended.verdict["lost_classes"]) & {"red", "yellow"}
    assert any(name in str(ended.reason) for name in ended.verdict["lost_classes"])
    assert (first.cure, cured.cure) == ("fine_tune", "half_blend")
    assert cured.verdict["decision"] in ("rejected", "inconclusive")
    assert world.production.version == "v1"
    assert world.num_pending > 0


@pytest.mark.slow
def test_too_few_holdout_samples_are_inconclusive_and_wait_for_the_next_round(
    world: World, brief: RoundSettings
) -> None:
    world.send(CLASSES, 12)
    num_pending = world.num_pending
    ended = world.run(brief)
    assert ended.state == "inconclusive", ended.reason
    assert ended.verdict is not None
    assert "no fair new images" in str(ended.reason)
    assert world.num_pending == num_pending
    assert world.production.version == "v1"


@pytest.mark.slow
@pytest.mark.usefixtures("trained_once")
def test_a_persons_promotion_during_a_round_wins(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.send(CLASSES, 160)

    def promote_by_hand() -> None:
        new = NewVersion(class_names=CLASSES, files=world.production.files, parent="v1")
        world.database.write(lambda c: add_version(c, new, []))
        world.database.write(lambda c: registry.promote(c, "v2", reason="mine", actor="a person"))

    _before_evaluating(monkeypatch, promote_by_hand)
    ended = world.run()
    assert world.production.version == "v2"
    assert world.attempts(ended.id)[-1].verdict["decision"] == "passed"
    assert (ended.state, ended.candidate) == ("cancelled", None)
    assert "Production moved while the round ran" in str(ended.reason)
    assert world.num_pending > 0


@pytest.mark.slow
@pytest.mark.usefixtures("trained_once")
def test_a_candidate_that_was_judged_against_another_champion_awaits_no_approval(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.send(CLASSES, 160)

    def promote_by_hand() -> None:
        new = NewVersion(class_names=CLASSES, files=world.production.files, parent="v1")
        world.database.write(lambda c: add_version(c, new, []))
        world.database.write(lambda c: registry.promote(c, "v2", reason="mine", actor="a person"))

    _before_evaluating(monkeypatch, promote_by_hand)
    ended = world.run(replace(world.settings, promote="ask"))
    assert (ended.state, ended.candidate) == ("cancelled", None)


def test_a_cancelled_round_stops_between_epochs(
    world: World, brief: RoundSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.send(CLASSES, 12)
    round_id, fencing = world.begin()
    world.advance(round_id, fencing, "training")
    world.database.write(lambda c: rounds.cancel(c, round_id, "a person"))
    world.advance(round_id, fencing, "preparing")
    world.go_on(round_id, fencing, brief)
    ended = world.find_round(round_id)
    assert ended.state == "cancelled"
    assert ended.candidate is None


def test_a_round_under_a_lost_lease_writes_nothing_more(
    world: World, brief: RoundSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.send(CLASSES, 12)
    round_id, fencing = world.begin()

    def lose_lease() -> None:
        world.database.write(lambda c: leases.release(c, "learner"))
        world.database.write(lambda c: leases.acquire(c, "another", 600))

    _before_evaluating(monkeypatch, lose_lease)
    with pytest.raises(FencedError):
        world.go_on(round_id, fencing, brief)
    assert world.find_round(round_id).state == "training"
    assert world.production.version == "v1"


@pytest.mark.slow
@pytest.mark.usefixtures("trained_once")
def test_a_promotion_by_approval_waits_for_a_person_and_then_adds_the_slice(world: World) -> None:
    world.send(CLASSES, 160)
    ended = world.run(replace(world.settings, promote="ask"))
    assert ended.state == "awaiting_approval", ended.reason
    assert world.production.version == "v1"
    world.database.write(lambda c: rounds.approve(c, ended.id, "a person"))
    assert world.production.version == ended.candidate
    with world.database.read() as connection:
        assert f"round-{ended.id}" in slices.slice_names(connection, 1, ended.candidate)
        assert num_pending(connection) == 0


def test_a_round_without_a_production_version_fails_with_a_reason(make_world: Callable[[], World]) -> None:
    ended = make_world().run()
    assert ended.state == "failed"
    assert "train" in str(ended.reason)
