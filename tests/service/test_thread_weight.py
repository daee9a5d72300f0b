"""Tests of `service.thread_weight`."""

import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from service import thread_weight
from service.predictor import Prediction, Predictor
from service.thread_weight import lower_weight


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


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux gives threads a weight of their own")
@pytest.mark.anyio
async def test_the_loop_goes_before_lanes_and_lanes_before_what_loads(
    run: Any, serving: Any, picture: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: dict[str, int] = {}
    predict = Predictor.predict

    def watched(*arguments: Any) -> list[Prediction]:
        found[threading.current_thread().name.partition("_")[0]] = niceness()
        return predict(*arguments)

    monkeypatch.setattr(Predictor, "predict", watched)
    # Loaded, and so warmed up, before it is asked.
    async with run(serving) as api:
        await api.client.post("/v1/predict", content=picture(0), headers={"Content-Type": "image/png"})

    assert found == {"loader": min(19, niceness() + 15), "lane": min(19, niceness() + 5)}
