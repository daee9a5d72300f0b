"""What a round leaves to serving: free memory is read, and it rests."""

import multiprocessing
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from retrain.learner.resources import MAX_REST_SECONDS, Throttle, free_memory

MEMINFO = "MemTotal:       8000000 kB\nMemFree:         100000 kB\nMemAvailable:   3000000 kB\n"


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


def test_the_limit_of_the_unit_that_the_process_is_in_holds(meminfo: Path, tmp_path: Path) -> None:
    (tmp_path / "system.slice").mkdir()
    _container(tmp_path / "system.slice" / "perennial.service", "1000")
    membership = tmp_path / "cgroup"
    membership.write_text("0::/system.slice/perennial.service\n")
    assert free_memory(meminfo, tmp_path, membership) == 450


def test_without_any_reading_free_memory_is_unknown(tmp_path: Path) -> None:
    assert free_memory(tmp_path / "none", tmp_path / "none") is None


def test_this_machine_has_a_sensible_amount_of_free_memory() -> None:
    num_bytes = free_memory()
    assert num_bytes is None or 2**20 < num_bytes < 2**50


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
