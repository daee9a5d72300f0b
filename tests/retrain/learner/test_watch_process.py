"""When the predecessor's process starts, and what follows its end."""

import sys
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from retrain.learner import watch_child
from retrain.learner.round_process import FENCED, FINISHED
from retrain.learner.scheduler import Learner
from retrain.learner.settings import LearnerSettings
from retrain.learner.watch_process import WatchProcess
from store.database.database import Database
from tests.retrain.world import CLASSES, FAST, World, picture
from tests.store.log_work import LEARNT, label, log
from tests.store.version_work import add, production, promote
from tests.store.watch_work import answer, answered, differ, differing, in_force, last

WAITS = (sys.executable, "-c", "import sys; sys.stdin.read()")
CRASHES = (sys.executable, "-c", "import sys; sys.exit(1)")
ENDS = (sys.executable, "-c", "pass")
SETTINGS = LearnerSettings(
    child_command=CRASHES, holder="first", watch_command=WAITS, min_free_bytes=0, crash_wait_seconds=0.0
)


@pytest.fixture
def database(small_world: World) -> Database:
    promote(small_world.database, add(small_world.database, "v1", CLASSES))
    return small_world.database


@pytest.fixture
def start() -> Iterator[Callable[..., WatchProcess]]:
    started: list[WatchProcess] = []

    def make(**settings: object) -> WatchProcess:
        started.append(WatchProcess(replace(SETTINGS, **settings)))  # type: ignore[arg-type]  # its fields
        return started[-1]

    yield make
    for process in started:
        process.end()


def runs(process: WatchProcess) -> bool:
    return process._child is not None and process._child.exit_status() is None


def names(num: int) -> list[str]:
    return [f"fly {number}" for number in range(num)]


def test_it_starts_when_twenty_images_wait(database: Database, start: Callable[..., WatchProcess]) -> None:
    process = start()
    answer(database, names(19))
    process.supervise(database, 1)
    assert not runs(process)

    answer(database, ["one more"], start=30)
    process.supervise(database, 1)

    assert runs(process)


def test_it_starts_for_one_image_that_waited(database: Database, start: Callable[..., WatchProcess]) -> None:
    answer(database, names(1))
    process = start(watch_wait_seconds=-60.0)
    process.supervise(database, 1)
    assert runs(process)


def test_it_needs_memory(database: Database, start: Callable[..., WatchProcess]) -> None:
    answer(database, names(20))
    process = start(min_free_bytes=2**60)
    process.supervise(database, 1)
    assert not runs(process)


def test_images_that_the_watch_knows_start_nothing_and_are_passed_over(
    database: Database, start: Callable[..., WatchProcess]
) -> None:
    answer(database, names(150))
    differ(database, names(150))
    process = start()

    process.supervise(database, 1)

    assert not runs(process)
    assert in_force(database).read_until > in_force(database).begun
    assert in_force(database).num_images == 150


def test_after_three_crashes_in_a_row_production_stays_unconfirmed(
    database: Database,
    start: Callable[..., WatchProcess],
    wait_until: Callable[..., None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    answer(database, names(20))
    process = start(watch_command=CRASHES)

    def has_ended() -> bool:
        process.supervise(database, 1)
        return last(database).ended is not None

    wait_until(has_ended, "the watch has ended")
    assert last(database).state == "unconfirmed"
    assert "crashed three times in a row" in str(last(database).reason)
    assert caplog.text.count("its process ended with status 1") == 3


def test_a_process_that_ended_in_order_is_started_again_for_the_next_images(
    database: Database, start: Callable[..., WatchProcess], wait_until: Callable[..., None]
) -> None:
    answer(database, names(20))
    process = start(watch_command=ENDS)
    num_started: set[int] = set()

    def was_started_five_times() -> bool:
        process.supervise(database, 1)
        if process._child is not None:
            num_started.add(process._child.pid)
        return len(num_started) == 5

    wait_until(was_started_five_times, "it was started five times")
    assert in_force(database).state == "watching"


def test_the_learner_looks_and_rolls_back_and_without_the_lease_does_nothing(
    small_world: World, database: Database
) -> None:
    lost = names(9)
    differ(database, lost, num_alike=80)
    for name in lost:
        label(database, name)
    learner = Learner(database, small_world.blobs, SETTINGS)
    learner.watch_production()
    assert production(database) == "v2"

    learner.hold_lease()
    learner.watch_production()

    assert production(database) == "v1"


def test_a_learner_that_stands_down_ends_the_process(small_world: World, database: Database) -> None:
    answer(database, names(20))
    learner = Learner(database, small_world.blobs, SETTINGS)
    learner.hold_lease()
    learner.watch_production()
    child = learner._watch._child
    assert child is not None

    learner._stand_down("the test ends")

    assert child.exit_status() is not None


def test_the_child_answers_with_the_predecessors_weights(world: World) -> None:
    promote(world.database, add(world.database, "v1", CLASSES))
    watch = in_force(world.database)
    days = [world.blobs.put(picture(name, 5000)) for name in CLASSES]
    rows = [replace(answered(watch, sha256, n, "red"), sha256=sha256) for n, sha256 in enumerate(days)]
    log(world.database, rows, LEARNT)
    fencing = world.acquire_lease()

    status = watch_child.main(world.state, FAST, watch.id, fencing, linger_seconds=0.1)

    assert status == FINISHED
    labels = {predecessor for _, _, predecessor in differing(world.database, watch)}
    assert labels == set(CLASSES) - {"red"}
    assert in_force(world.database).num_images == 4
    log(world.database, [answered(watch, "late", 60)], LEARNT)
    assert watch_child.main(world.state, FAST, watch.id, fencing + 1, linger_seconds=0.1) == FENCED
