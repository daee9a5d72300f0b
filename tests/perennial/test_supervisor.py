"""The learner is started again whenever it ends, and never outlives its supervisor."""

import asyncio
import itertools
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import uvloop

from perennial.supervisor import keep_running

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["asyncio", "uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, bool]]:
    """Python's own event loop, and the one that serves."""
    return "asyncio", {"use_uvloop": request.param == "uvloop"}


def a_process(code: str, pids: Path) -> list[str]:
    """Return a command that writes its process's number and its time of start down, then runs the code."""
    note = f"import os, time; open({str(pids)!r}, 'a').write(f'{{os.getpid()}} {{time.monotonic()}}\\n')"
    return [sys.executable, "-c", f"{note}\n{code}"]


def started(pids: Path) -> list[tuple[int, float]]:
    lines = pids.read_text().splitlines() if pids.exists() else []
    return [(int(pid), float(moment)) for pid, moment in map(str.split, lines)]


@asynccontextmanager
async def supervised(command: Sequence[str], stop_seconds: float = 5.0) -> AsyncIterator[asyncio.Task[None]]:
    keeping = asyncio.create_task(keep_running(command, first_wait_seconds=0.05, stop_seconds=stop_seconds))
    try:
        yield keeping
    finally:
        keeping.cancel()
        await asyncio.wait([keeping])


async def until(claim: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not claim():
            await asyncio.sleep(0.01)


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def test_a_killed_process_is_started_again_and_stopped_in_the_end(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    async with supervised(a_process("time.sleep(60)", pids)):
        await until(lambda: len(started(pids)) == 1)
        os.kill(started(pids)[0][0], signal.SIGKILL)
        await until(lambda: len(started(pids)) == 2)
        second = started(pids)[1][0]
        assert is_running(second)
    assert not is_running(second)


async def test_a_process_that_ends_at_once_is_started_ever_more_slowly(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    async with supervised(a_process("", pids)):
        await until(lambda: len(started(pids)) >= 4)
    waits = [after - before for (_, before), (_, after) in itertools.pairwise(started(pids))]
    assert waits[0] >= 0.05
    assert waits[1] >= 0.1
    assert waits[2] >= 0.2


async def test_a_command_that_cannot_be_run_is_tried_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with supervised([str(tmp_path / "missing")]) as keeping:
        await until(lambda: caplog.text.count("the learner ended with") >= 2)
        assert not keeping.done()


async def test_a_process_that_ignores_the_signal_is_killed(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    ignoring = [sys.executable, "-c", "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"]
    ignoring[2] += a_process("time.sleep(60)", pids)[2]
    async with supervised(ignoring, stop_seconds=0.5):
        await until(lambda: len(started(pids)) == 1)
    assert not is_running(started(pids)[0][0])


@pytest.mark.parametrize("runner", [asyncio.run, uvloop.run])
def test_a_killed_supervisor_leaves_no_process_behind(tmp_path: Path, runner: Callable[..., object]) -> None:
    pids = tmp_path / "pids"
    code = (
        f"import {runner.__module__.partition('.')[0]} as loop\n"
        "from perennial.supervisor import keep_running\n"
        f"loop.run(keep_running({a_process('time.sleep(60)', pids)!r}))\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], cwd=ROOT) as process:
        deadline = time.monotonic() + 60
        while not started(pids):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        child = started(pids)[0][0]
        assert is_running(child)
        process.kill()
        process.wait()
    deadline = time.monotonic() + 30
    while is_running(child):
        assert time.monotonic() < deadline
        time.sleep(0.05)
