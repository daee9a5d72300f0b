"""A round that gets next to nothing of the processor is raised, step by step."""

import sys
from dataclasses import dataclass

import pytest

from retrain.journal import Journal
from retrain.learner import progress_floor
from retrain.learner.priority import Priority
from retrain.learner.progress_floor import ProgressFloor, watch_progress
from retrain.learner.round_process import STARVED
from tests.retrain.world import World


@dataclass
class Machine:
    """A clock, and what a process got of it."""

    clock: float = 0.0
    used: float = 0.0
    waited: float = 0.0

    def go_on(self, *, used: float, waited: float, seconds: float = 120.0) -> None:
        self.clock += seconds
        self.used += used
        self.waited += waited


@pytest.fixture
def machine() -> Machine:
    return Machine()


@pytest.fixture
def raised() -> list[tuple[Priority, float]]:
    return []


@pytest.fixture
def floor(machine: Machine, raised: list[tuple[Priority, float]]) -> ProgressFloor:
    def on_starved(priority: Priority, cores: float) -> bool:
        raised.append((priority, cores))
        return True

    return ProgressFloor(
        "idle",
        on_starved,
        clock=lambda: machine.clock,
        used=lambda: machine.used,
        waited=lambda: machine.waited,
    )


def test_two_minutes_under_a_fifth_of_a_core_raise_it_by_one_step_each(
    machine: Machine, floor: ProgressFloor, raised: list[tuple[Priority, float]]
) -> None:
    machine.go_on(used=3, waited=110, seconds=119)
    floor.look()
    assert (floor.priority, raised) == ("idle", [])
    machine.go_on(used=0, waited=1, seconds=1)
    floor.look()
    assert (floor.priority, raised) == ("low", [("low", 0.025)])
    for used, expected in ((24.1, "low"), (12, "normal"), (0, "normal")):
        machine.go_on(used=used, waited=90)
        floor.look()
        assert floor.priority == expected
    assert [priority for priority, _ in raised] == ["low", "normal"]


def test_a_round_that_waits_for_something_else_keeps_its_priority(
    machine: Machine, floor: ProgressFloor
) -> None:
    machine.go_on(used=2, waited=1)
    floor.look()
    assert floor.priority == "idle"


def test_a_step_that_failed_is_tried_again(machine: Machine) -> None:
    answers = iter((False, True))
    floor = ProgressFloor(
        "low",
        lambda priority, cores: next(answers),
        clock=lambda: machine.clock,
        used=lambda: machine.used,
        waited=lambda: machine.waited,
    )
    for expected in ("low", "normal"):
        machine.go_on(used=0, waited=100)
        floor.look()
        assert floor.priority == expected


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere no priority is raised")
@pytest.mark.parametrize("is_allowed", [True, False])
def test_the_round_writes_down_that_it_was_raised_or_begins_anew(
    is_allowed: bool, small_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    statuses: list[int] = []
    monkeypatch.setattr(progress_floor, "raise_priority", lambda priority: is_allowed)
    monkeypatch.setattr("retrain.learner.progress_floor.os._exit", statuses.append)
    round_id, fencing = small_world.begin()
    floor = watch_progress(Journal(small_world.database, round_id, fencing), "normal")
    floor._on_starved("low", 0.0312)
    step = small_world.steps(round_id)[-1]
    if is_allowed:
        assert (step.step, step.detail) == ("priority", {"priority": "low", "cores": 0.031})
        assert statuses == []
    else:
        assert step.step == "begins_anew"
        assert step.detail["reason"].startswith("It got 0.03 of a core")
        assert statuses == [STARVED]
