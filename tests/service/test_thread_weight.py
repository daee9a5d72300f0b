"""Tests of `service.thread_weight`."""

import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from service import thread_weight
from service.thread_weight import LANE_STEPS, LOADER_STEPS, lower_weight


def niceness() -> int:
    return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())


def niceness_in_a_thread(steps: int) -> int:
    with ThreadPoolExecutor(1, initializer=lower_weight, initargs=(steps,)) as thread:
        return thread.submit(niceness).result()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux gives threads a weight of their own")
def test_a_thread_gives_way_and_the_one_that_started_it_does_not() -> None:
    before = niceness()
    assert niceness_in_a_thread(3) == min(19, before + 3)
    assert niceness_in_a_thread(40) == 19
    assert niceness() == before


def test_where_it_is_refused_or_would_be_the_whole_process_nothing_changes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before, asked = niceness(), []

    def refuse(*arguments: int) -> None:
        asked.append(arguments)
        raise PermissionError("a sandbox")

    monkeypatch.setattr(thread_weight.os, "setpriority", refuse)
    monkeypatch.setattr(thread_weight.sys, "platform", "linux")
    assert niceness_in_a_thread(3) == before
    assert len(asked) == 1
    monkeypatch.setattr(thread_weight.sys, "platform", "darwin")
    assert niceness_in_a_thread(3) == before
    assert len(asked) == 1


def test_what_answers_goes_before_what_loads() -> None:
    assert 0 < LANE_STEPS < LOADER_STEPS
