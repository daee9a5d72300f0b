"""What a serving process is tuned by does what it says, and nothing where it can't."""

import ctypes
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from service.inference.predictor import Prediction, Predictor
from service.inference.tuning import ThreadCores, lower_weight, share_arenas

choosing = pytest.mark.skipif(
    not hasattr(os, "sched_setaffinity"), reason="only Linux lets threads choose a core"
)
weighing = pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux gives threads a weight of their own"
)


@pytest.fixture
def cores() -> Iterator[set[int]]:
    """The cores of this process, one or two."""
    before = os.sched_getaffinity(0)
    some = set(sorted(before)[:2])
    os.sched_setaffinity(0, some)
    yield some
    os.sched_setaffinity(0, before)


def cores_of_threads(num_planned: int, num_threads: int) -> list[set[int]]:
    together = threading.Barrier(num_threads)

    def look() -> set[int]:
        together.wait(10)
        return os.sched_getaffinity(0)

    cores = ThreadCores(num_planned)
    with ThreadPoolExecutor(num_threads, initializer=cores.pin_this_thread) as pool:
        return [future.result() for future in [pool.submit(look) for _ in range(num_threads)]]


@choosing
def test_each_thread_keeps_to_a_core_of_its_own(cores: set[int]) -> None:
    chosen = cores_of_threads(len(cores), len(cores))
    assert sorted(map(tuple, chosen)) == [(core,) for core in sorted(cores)]
    assert os.sched_getaffinity(0) == cores


@choosing
@pytest.mark.parametrize("num_more", [1, 2])
def test_of_more_or_fewer_threads_than_cores_none_keeps_to_one(cores: set[int], num_more: int) -> None:
    assert cores_of_threads(len(cores) + num_more, 1) == [cores]


@choosing
def test_a_thread_more_than_planned_runs_where_it_likes(cores: set[int]) -> None:
    chosen = cores_of_threads(len(cores), len(cores) + 1)
    assert chosen.count(cores) == (2 if len(cores) == 1 else 1)


@choosing
def test_where_it_is_refused_threads_run_where_they_did(
    cores: set[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object) -> None:
        raise PermissionError("a sandbox")

    monkeypatch.setattr(os, "sched_setaffinity", refuse)
    chosen = cores_of_threads(len(cores), len(cores))
    monkeypatch.undo()
    assert chosen == [cores] * len(cores)


def niceness() -> int:
    return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())


def niceness_in_a_thread(steps: int) -> int:
    with ThreadPoolExecutor(1, initializer=lower_weight, initargs=(steps,)) as thread:
        return thread.submit(niceness).result()


@weighing
def test_a_thread_gives_way_and_the_one_that_started_it_does_not() -> None:
    before = niceness()
    assert niceness_in_a_thread(3) == min(19, before + 3)
    assert niceness_in_a_thread(40) == 19
    assert niceness() == before


def test_where_it_is_refused_or_would_be_every_thread_nothing_changes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before, calls = niceness(), list[tuple[int, ...]]()

    def refuse(*arguments: int) -> None:
        calls.append(arguments)
        raise PermissionError("a sandbox")

    monkeypatch.setattr(os, "setpriority", refuse)
    monkeypatch.setattr(sys, "platform", "linux")
    assert niceness_in_a_thread(3) == before
    assert len(calls) == 1
    monkeypatch.setattr(sys, "platform", "darwin")
    assert niceness_in_a_thread(3) == before
    assert len(calls) == 1


@weighing
@pytest.mark.anyio
async def test_the_loop_goes_before_batches_and_batches_before_what_loads(
    run: Any, serving: Any, picture: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    niceness_of: dict[str, int] = {}
    predict = Predictor.predict

    def watched(*arguments: Any) -> list[Prediction]:
        niceness_of[threading.current_thread().name.partition("_")[0]] = niceness()
        return predict(*arguments)

    monkeypatch.setattr(Predictor, "predict", watched)
    # Loaded, and so warmed up, before the first request.
    async with run(serving) as api:
        await api.client.post("/v1/predict", content=picture(0), headers={"Content-Type": "image/png"})

    assert niceness_of == {"loader": min(19, niceness() + 15), "batch": min(19, niceness() + 5)}


# Forty threads that hold memory at the same time, then the arenas as glibc reports them.
_PROGRAM = """
import ctypes, sys, threading
from service.inference.tuning import share_arenas

if sys.argv[1] == "shared":
    share_arenas()
barrier = threading.Barrier(41)

def work():
    held = [ctypes.create_string_buffer(5000) for _ in range(100)]
    barrier.wait()
    barrier.wait()

threads = [threading.Thread(target=work) for _ in range(40)]
for thread in threads:
    thread.start()
barrier.wait()
ctypes.CDLL(None).malloc_stats()
barrier.wait()
"""


def _num_arenas(how: str) -> int:
    done = subprocess.run([sys.executable, "-c", _PROGRAM, how], capture_output=True, text=True, check=True)
    return done.stderr.count("Arena ")


@pytest.mark.slow
@pytest.mark.skipif(
    sys.platform != "linux" or not hasattr(ctypes.CDLL(None), "malloc_stats"), reason="glibc only"
)
def test_threads_share_two_arenas() -> None:
    assert _num_arenas("shared") == 2
    assert _num_arenas("as it is") > 2


def test_elsewhere_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    share_arenas()


def test_the_collector_leaves_out_what_was_imported() -> None:
    code = """
import gc
from service.inference.tuning import freeze_imported_objects
freeze_imported_objects()
assert gc.get_freeze_count() > 10_000
"""
    subprocess.run([sys.executable, "-c", code], check=True)
