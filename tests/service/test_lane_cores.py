"""Lanes keep to cores of their own where there are as many of both."""

import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from service import lane_cores
from service.lane_cores import LaneCores

pytestmark = pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="only Linux lets threads choose")


@pytest.fixture
def cores() -> Iterator[set[int]]:
    """The cores of this process, one or two."""
    before = os.sched_getaffinity(0)
    some = set(sorted(before)[:2])
    os.sched_setaffinity(0, some)
    yield some
    os.sched_setaffinity(0, before)


def cores_of_threads(num_lanes: int, num_threads: int) -> list[set[int]]:
    together = threading.Barrier(num_threads)

    def look() -> set[int]:
        together.wait(10)
        return os.sched_getaffinity(0)

    lanes = LaneCores(num_lanes)
    with ThreadPoolExecutor(num_threads, initializer=lanes.take) as pool:
        return [future.result() for future in [pool.submit(look) for _ in range(num_threads)]]


def test_each_lane_keeps_to_a_core_of_its_own(cores: set[int]) -> None:
    found = cores_of_threads(len(cores), len(cores))
    assert sorted(map(tuple, found)) == [(core,) for core in sorted(cores)]
    assert os.sched_getaffinity(0) == cores


@pytest.mark.parametrize("num_more", [1, 2])
def test_of_more_or_fewer_lanes_than_cores_none_keeps_to_one(cores: set[int], num_more: int) -> None:
    assert cores_of_threads(len(cores) + num_more, 1) == [cores]


def test_a_thread_more_than_lanes_runs_where_it_likes(cores: set[int]) -> None:
    found = cores_of_threads(len(cores), len(cores) + 1)
    assert found.count(cores) == (2 if len(cores) == 1 else 1)


def test_where_it_is_refused_lanes_run_where_they_did(
    cores: set[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object) -> None:
        raise PermissionError("a sandbox")

    monkeypatch.setattr(lane_cores.os, "sched_setaffinity", refuse)
    found = cores_of_threads(len(cores), len(cores))
    monkeypatch.undo()
    assert found == [cores] * len(cores)
