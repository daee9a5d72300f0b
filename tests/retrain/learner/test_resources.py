"""What a round leaves to serving: free memory is read, its weight is the lowest, and it rests."""

import multiprocessing
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import retrain
from retrain.learner.resources import MAX_REST_SECONDS, Throttle, free_memory

MEMINFO = "MemTotal:       8000000 kB\nMemFree:         100000 kB\nMemAvailable:   3000000 kB\n"

YIELDING_PROGRAM = """
import pathlib, sys
from retrain.learner.resources import yield_to_serving
print(yield_to_serving(pathlib.Path(sys.argv[1])), flush=True)
"""

needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="weights are read from /proc")


@pytest.fixture
def meminfo(tmp_path: Path) -> Path:
    file = tmp_path / "meminfo"
    file.write_text(MEMINFO)
    return file


def _container(folder: Path, limit: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "memory.max").write_text(f"{limit}\n")
    (folder / "memory.current").write_text("700\n")
    (folder / "memory.stat").write_text("anon 500\ninactive_file 150\nactive_file 50\n")
    return folder


def test_without_a_container_the_machine_counts(meminfo: Path, tmp_path: Path) -> None:
    assert free_memory(meminfo, tmp_path / "none") == 3_000_000 * 1024
    assert free_memory(meminfo, _container(tmp_path / "unlimited", "max")) == 3_000_000 * 1024


def test_a_container_has_its_limit_less_what_it_can_not_give_up(meminfo: Path, tmp_path: Path) -> None:
    assert free_memory(meminfo, _container(tmp_path / "limited", "1000")) == 450
    assert free_memory(meminfo, _container(tmp_path / "full", "500")) == 0


def test_without_any_reading_free_memory_is_unknown(tmp_path: Path) -> None:
    assert free_memory(tmp_path / "none", tmp_path / "none") is None


def test_this_machine_has_a_sensible_amount_of_free_memory() -> None:
    num_bytes = free_memory()
    assert num_bytes is None or 2**20 < num_bytes < 2**50


def _print_after_yielding(own_proc: Path, then: str = "") -> str:
    """Let a process of its own yield, and then run `then`; return what it printed."""
    done = subprocess.run(
        [sys.executable, "-c", YIELDING_PROGRAM + then, str(own_proc)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(Path(retrain.__file__).parents[1])},
    )
    return done.stdout.strip()


@needs_linux
def test_where_there_are_no_autogroups_a_nice_value_is_enough(tmp_path: Path) -> None:
    assert _print_after_yielding(tmp_path) == "None"


@needs_linux
def test_the_autogroup_is_lowered_too(tmp_path: Path) -> None:
    (tmp_path / "autogroup").write_text("/autogroup-7 nice 0")
    assert _print_after_yielding(tmp_path) == "None"
    assert (tmp_path / "autogroup").read_text() == "19"


@needs_linux
def test_the_round_leaves_a_core_to_whoever_wakes_up(tmp_path: Path) -> None:
    printed = _print_after_yielding(tmp_path, "import os; print(os.sched_getscheduler(0))")
    assert printed.split() == ["None", str(os.SCHED_IDLE)]


@needs_linux
def test_its_time_slice_is_the_shortest_where_the_kernel_has_slices(tmp_path: Path) -> None:
    sched = Path("/proc/self/sched")
    if not sched.exists() or "se.slice" not in sched.read_text():
        pytest.skip("this kernel has no slices of a task's own")
    # Of idle work the kernel shows none; it is the same one when the policy is as it was.
    then = "import os; os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0)); "
    then += "print(pathlib.Path('/proc/self/sched').read_text())"
    printed = _print_after_yielding(tmp_path, then)
    (line,) = (line for line in printed.splitlines() if line.startswith("se.slice"))
    assert line.split()[-1] == "100000"


@needs_linux
def test_an_autogroup_that_cant_be_lowered_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "autogroup").mkdir()
    assert "does not let the round take a lower weight" in _print_after_yielding(tmp_path)


@pytest.fixture
def rests(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds of each sleep; nothing really sleeps."""
    seconds: list[float] = []
    monkeypatch.setattr("retrain.learner.resources.time.sleep", seconds.append)
    return seconds


def test_it_rests_for_half_as_long_as_it_was_kept_waiting_each_time_anew(
    tmp_path: Path, rests: list[float]
) -> None:
    schedstat = tmp_path / "schedstat"
    schedstat.write_text("9000000000 1000000000 7\n")
    throttle = Throttle(schedstat)
    schedstat.write_text("9100000000 1250000000 8\n")
    throttle.rest()
    throttle.rest()
    schedstat.write_text("9200000000 99000000000 9\n")
    throttle.rest()
    assert rests == [pytest.approx(0.125), 0.0, MAX_REST_SECONDS]


def test_it_never_rests_where_the_system_shows_no_waiting(tmp_path: Path, rests: list[float]) -> None:
    Throttle(tmp_path / "missing").rest()
    (tmp_path / "other").write_text("unknown\n")
    Throttle(tmp_path / "other").rest()
    assert rests == [0.0, 0.0]


@pytest.fixture
def one_core() -> Iterator[int]:
    """Keep this process, and what it starts, to one core."""
    if not hasattr(os, "sched_setaffinity"):
        pytest.skip("no affinity here")
    before = os.sched_getaffinity(0)
    core = min(before)
    os.sched_setaffinity(0, {core})
    yield core
    os.sched_setaffinity(0, before)


def _burn(seconds: float) -> None:
    """Use a core for so much of its time."""
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        pass


@pytest.mark.skipif(not Path("/proc/thread-self/schedstat").exists(), reason="this system shows no waiting")
@pytest.mark.usefixtures("one_core")
def test_beside_a_busy_process_it_rests_for_half_of_its_waiting(rests: list[float]) -> None:
    other = multiprocessing.get_context("fork").Process(target=_burn, args=(60.0,), daemon=True)
    other.start()
    try:
        throttle = Throttle()
        started, used = time.monotonic(), time.thread_time()
        _burn(0.5)
        throttle.rest()
        waited = (time.monotonic() - started) - (time.thread_time() - used)
    finally:
        other.kill()
        other.join()
    assert waited > 0
    assert rests == [pytest.approx(waited / 2, rel=0.2, abs=0.05)]
