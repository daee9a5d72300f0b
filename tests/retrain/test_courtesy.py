import multiprocessing
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from retrain import courtesy
from retrain.courtesy import Courtesy


@pytest.fixture
def rests(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What was slept, in seconds; nothing is."""
    found: list[float] = []
    monkeypatch.setattr(courtesy.time, "sleep", found.append)
    return found


def test_it_rests_for_half_as_long_as_it_was_kept_waiting_each_time_anew(
    tmp_path: Path, rests: list[float]
) -> None:
    schedstat = tmp_path / "schedstat"
    schedstat.write_text("9000000000 1000000000 7\n")
    polite = Courtesy(schedstat)
    schedstat.write_text("9100000000 1250000000 8\n")
    polite.rest()
    polite.rest()
    schedstat.write_text("9200000000 99000000000 9\n")
    polite.rest()
    assert rests == [pytest.approx(0.125), 0.0, courtesy.MAX_REST_SECONDS]


def test_it_never_rests_where_the_system_does_not_tell(tmp_path: Path, rests: list[float]) -> None:
    Courtesy(tmp_path / "missing").rest()
    (tmp_path / "other").write_text("unknown\n")
    Courtesy(tmp_path / "other").rest()
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


def burn(seconds: float) -> None:
    """Use a core for so much of its time."""
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        pass


@pytest.mark.skipif(not Path("/proc/thread-self/schedstat").exists(), reason="this system tells no waiting")
@pytest.mark.usefixtures("one_core")
def test_beside_a_busy_process_it_waits_and_says_so(rests: list[float]) -> None:
    other = multiprocessing.get_context("fork").Process(target=burn, args=(60.0,), daemon=True)
    other.start()
    try:
        polite = Courtesy()
        begun, used = time.monotonic(), time.thread_time()
        burn(0.5)
        polite.rest()
        kept_waiting = (time.monotonic() - begun) - (time.thread_time() - used)
    finally:
        other.kill()
        other.join()
    assert kept_waiting > 0
    assert rests == [pytest.approx(kept_waiting / 2, rel=0.2, abs=0.05)]
