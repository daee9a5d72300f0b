"""The learner is started again whenever it ends, and never outlives its supervisor."""

import itertools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from perennial.supervisor import RestartSettings, Supervisor

SOON = RestartSettings(first_seconds=0.05, max_seconds=0.2, settled_seconds=60.0, stop_seconds=0.5)
SLEEP = "import time; time.sleep(60)"


def until(claim: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not claim():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_killed_process_is_started_again() -> None:
    supervisor = Supervisor([sys.executable, "-c", SLEEP], SOON)
    supervisor.start()
    until(lambda: supervisor.pid is not None)
    first = supervisor.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    until(lambda: supervisor.pid not in (None, first))
    second = supervisor.pid
    supervisor.stop()
    assert supervisor.pid is None
    assert second is not None
    assert not is_running(second)


def test_a_process_that_ends_at_once_is_started_ever_more_slowly(tmp_path: Path) -> None:
    file = tmp_path / "starts"
    code = f"import time; open({str(file)!r}, 'a').write(f'{{time.monotonic()}}\\n')"
    supervisor = Supervisor([sys.executable, "-c", code], RestartSettings(0.1, 0.8, 60.0, 1.0))
    supervisor.start()
    until(lambda: file.exists() and len(file.read_text().splitlines()) >= 4)
    supervisor.stop()
    starts = [float(line) for line in file.read_text().splitlines()]
    waits = [after - before for before, after in itertools.pairwise(starts)]
    assert waits[0] >= 0.1
    assert waits[1] >= 0.2
    assert waits[2] >= 0.4


def test_a_command_that_cannot_be_run_is_tried_again_and_can_be_stopped(tmp_path: Path) -> None:
    supervisor = Supervisor([str(tmp_path / "missing")], SOON)
    supervisor.start()
    assert supervisor.pid is None
    supervisor.stop()


def test_a_process_that_ignores_the_signal_is_killed(tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    deaf = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); open({str(ready)!r}, 'w'); {SLEEP}"
    supervisor = Supervisor([sys.executable, "-c", deaf], SOON)
    supervisor.start()
    until(ready.exists)
    pid = supervisor.pid
    supervisor.stop()
    assert pid is not None
    assert not is_running(pid)


def test_a_killed_supervisor_leaves_no_process_behind(tmp_path: Path) -> None:
    code = (
        "import sys, time\n"
        "from perennial.supervisor import Supervisor\n"
        f"supervisor = Supervisor([sys.executable, '-c', {SLEEP!r}])\n"
        "supervisor.start()\n"
        "while supervisor.pid is None: time.sleep(0.01)\n"
        "print(supervisor.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]
    ) as process:
        assert process.stdout is not None
        child = int(process.stdout.readline())
        assert is_running(child)
        process.kill()
        process.wait()
    until(lambda: not is_running(child))
