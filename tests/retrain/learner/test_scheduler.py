import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from retrain.learner import jobs
from retrain.learner.fenced_database import FencedDatabase
from retrain.learner.scheduler import Learner
from retrain.learner.settings import LearnerSettings
from retrain.learner.triggers import TriggerSettings
from store import learning_state, leases
from store.database.facts import write_fact
from store.errors import FencedError
from store.measurements import Measurement, record
from store.predictions.predictions import LoggedPrediction, log_predictions
from store.rounds import rounds
from store.rounds.log import read_steps
from store.rounds.records import current_round
from store.samples.splits import SplitSettings
from store.versions import NewVersion, add_version
from tests.retrain.world import World

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
CRASHES = (sys.executable, "-c", "import sys; sys.exit(1)")


@pytest.fixture
def learner(small_world: World) -> Learner:
    settings = LearnerSettings(
        child_command=CRASHES, holder="first", lease_seconds=600, crash_wait_seconds=0.0
    )
    return Learner(small_world.database, small_world.blobs, settings)


def _request(world: World) -> int:
    return world.database.write(lambda c: rounds.request_round(c, "a person", "because").id)


def _lease(world: World) -> leases.Lease | None:
    with world.database.read() as connection:
        return leases.current_lease(connection)


def _ticks(world: World, round_id: int, fencing: int | None = None) -> int:
    with world.database.read() as connection:
        steps = read_steps(connection, round_id)
    return sum(step.step == "tick" and fencing in (None, step.fencing) for step in steps)


def _state(pid: int) -> str:
    """Return Linux's letter for what a process does: T is stopped; Z is ended, also where there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return "Z"


def _is_alive(pid: int) -> bool:
    return _state(pid) != "Z"


def _children(pid: int) -> list[int]:
    listed = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False).stdout
    return [int(line) for line in listed.split()]


@contextmanager
def _asleep(world: World, *pids: int) -> Iterator[None]:
    """Stop processes for a while, none of them amid a write: nobody else could write until it wakes."""

    def stop(_: Any) -> None:
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        while any(_state(pid) != "T" for pid in pids):
            time.sleep(0.01)

    world.database.write(stop)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def test_without_memory_a_round_waits_and_records_it_once(
    small_world: World, learner: Learner, wait_until: Callable[..., None]
) -> None:
    round_id = _request(small_world)
    learner.hold_lease()
    learner._settings = replace(learner._settings, min_free_bytes=2**60)
    for _ in range(3):
        learner.supervise_round()
    waiting = small_world.find_round(round_id)
    with small_world.database.read() as connection:
        steps = [step for step in read_steps(connection, round_id) if step.step == "waits_for_memory"]
    assert (waiting.state, waiting.num_tries) == ("requested", 0)
    assert [step.detail["expected_bytes"] for step in steps] == [2**60]
    learner._settings = replace(learner._settings, min_free_bytes=0)

    def was_tried() -> bool:
        learner.supervise_round()
        return bool(small_world.find_round(round_id).ended)

    wait_until(was_tried, "the round was tried, and its crashes counted")


def test_a_round_whose_child_crashes_three_times_fails(
    small_world: World, learner: Learner, wait_until: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    round_id = _request(small_world)
    learner.hold_lease()

    def has_ended() -> bool:
        learner.supervise_round()
        return bool(small_world.find_round(round_id).ended)

    wait_until(has_ended, "the round has ended")
    ended = small_world.find_round(round_id)
    assert (ended.state, ended.num_tries) == ("failed", 3)
    assert "is failed" in caplog.text
    crashes = [step.detail for step in small_world.steps(round_id) if step.step == "crashed"]
    assert crashes == [{"how": "crashed", "wait_seconds": 0.0}] * 3


def test_a_crashed_round_is_not_tried_again_at_once(
    small_world: World, wait_until: Callable[..., None]
) -> None:
    round_id = _request(small_world)
    settings = LearnerSettings(child_command=CRASHES, holder="first", lease_seconds=600)
    learner = Learner(small_world.database, small_world.blobs, settings)
    learner.hold_lease()

    def has_crashed() -> bool:
        learner.supervise_round()
        return any(step.step == "crashed" for step in small_world.steps(round_id))

    wait_until(has_crashed, "the first try has crashed")
    learner.supervise_round()
    assert (small_world.find_round(round_id).num_tries, learner._child) == (1, None)
    small_world.database.write(lambda c: rounds.cancel(c, round_id, "a person"))
    learner.supervise_round()
    assert small_world.find_round(round_id).state == "cancelled"


def test_why_drift_is_not_measured_is_logged_once(
    small_world: World, learner: Learner, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    row = LoggedPrediction("0", "a" * 64, 1, "red", 0.5, "v1", b"\x00\x3c", None, "tests", NOON)
    rows = [replace(row, id=f"{number}") for number in range(50)]
    small_world.database.write(lambda c: log_predictions(c, rows, SplitSettings()))
    learner.hold_lease()
    for _ in range(3):
        learner.watch_drift()
    assert caplog.text.count("drift is not measured") == 1


def test_a_learner_without_the_lease_starts_nothing(small_world: World, learner: Learner) -> None:
    small_world.database.write(lambda c: leases.acquire(c, "another", 600))
    round_id = _request(small_world)
    learner.hold_lease()
    learner.supervise_round()
    assert small_world.find_round(round_id).state == "requested"


@pytest.mark.usefixtures("pool")
def test_while_learning_is_paused_only_a_person_gets_a_round(small_world: World) -> None:
    small_world.send(("red",), 8)
    at_once = TriggerSettings(threshold=1, min_samples=1)
    with small_world.database.read() as connection:
        assert jobs.due_reason(connection, at_once) is not None
    small_world.database.write(lambda c: learning_state.pause(c, "looking into it", "a person"))
    with small_world.database.read() as connection:
        assert jobs.due_reason(connection, at_once) is None
    assert small_world.find_round(_request(small_world)).state == "requested"


@pytest.mark.usefixtures("pool")
def test_enough_new_samples_make_the_learner_request_a_round(small_world: World, learner: Learner) -> None:
    small_world.send(("red",), 8)
    learner.hold_lease()
    learner._settings = replace(learner._settings, triggers=TriggerSettings(threshold=4))
    learner.request_due_round()
    with small_world.database.read() as connection:
        current = current_round(connection)
    assert current is not None
    assert current.requested_by == "scheduler"


def test_jobs_write_nothing_once_the_lease_has_gone(small_world: World) -> None:
    fencing = small_world.acquire_lease("first", seconds=0)
    small_world.database.write(lambda c: leases.acquire(c, "second", 600))
    fenced = FencedDatabase(small_world.database, fencing)
    with pytest.raises(FencedError):
        fenced.write(lambda c: record(c, Measurement("drift_mmd", 0.1, 10)))


def test_upkeep_drops_the_files_of_old_versions(small_world: World) -> None:
    shas = [small_world.blobs.put(bytes([number])) for number in range(4)]
    for sha256 in shas:
        new = NewVersion(class_names=("red",), files={"weights": sha256}, parent="v1")
        small_world.database.write(partial(add_version, new=new, seen=[]))
    fencing = small_world.acquire_lease("first")
    settings = LearnerSettings(child_command=CRASHES, holder="first", keep_versions=2)
    jobs.clean_up(FencedDatabase(small_world.database, fencing), small_world.blobs, settings)
    assert [small_world.blobs.exists(sha256) for sha256 in shas] == [False, False, True, True]


def test_upkeep_mends_the_number_of_pending_samples(small_world: World) -> None:
    small_world.send(("red",), 8)
    counted = small_world.num_pending
    small_world.database.write(lambda c: write_fact(c, "num_pending_labels", 99))
    assert small_world.num_pending == 99
    fencing = small_world.acquire_lease("first")
    settings = LearnerSettings(child_command=CRASHES, holder="first")
    jobs.clean_up(FencedDatabase(small_world.database, fencing), small_world.blobs, settings)
    assert small_world.num_pending == counted > 0


def test_sigterm_ends_the_child_and_releases_the_lease_and_no_torch_was_loaded(
    small_world: World, start_learner: Callable[..., Any], wait_until: Callable[..., None]
) -> None:
    round_id = _request(small_world)
    process = start_learner(small_world, "first", lease_seconds=60)
    wait_until(lambda: _ticks(small_world, round_id) > 0, "the child writes")
    [child] = _children(process.pid)
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=30)
    assert (process.returncode, output.strip()) == (0, "clean")
    assert not _is_alive(child)
    assert small_world.database.write(lambda c: leases.acquire(c, "second", 60)) == 2


def test_another_learner_takes_over_from_a_killed_one(
    small_world: World, start_learner: Callable[..., Any], wait_until: Callable[..., None]
) -> None:
    round_id = _request(small_world)
    first = start_learner(small_world, "first")
    wait_until(lambda: _ticks(small_world, round_id) > 0, "the first learner works")
    start_learner(small_world, "second")
    first.kill()
    wait_until(lambda: _ticks(small_world, round_id, fencing=2) > 0, "the second learner works")
    lease = _lease(small_world)
    assert lease is not None
    assert lease.holder == "second"
    with small_world.database.read() as connection:
        steps = [s.fencing for s in read_steps(connection, round_id) if s.fencing is not None]
    assert steps == sorted(steps)


def test_nothing_is_written_of_a_learner_that_slept_through_its_lease(
    small_world: World, start_learner: Callable[..., Any], wait_until: Callable[..., None]
) -> None:
    round_id = _request(small_world)
    first = start_learner(small_world, "first")
    wait_until(lambda: _ticks(small_world, round_id) > 0, "the first learner works")
    [child] = _children(first.pid)
    with _asleep(small_world, child, first.pid):
        start_learner(small_world, "second")
        wait_until(lambda: _ticks(small_world, round_id, fencing=2) > 0, "the second learner works")
        num_before = _ticks(small_world, round_id, fencing=1)
    wait_until(lambda: not _is_alive(child), "the child of the first has ended")
    assert _ticks(small_world, round_id, fencing=1) == num_before
    lease = _lease(small_world)
    assert lease is not None
    assert (lease.holder, lease.fencing) == ("second", 2)
    assert first.poll() is None
