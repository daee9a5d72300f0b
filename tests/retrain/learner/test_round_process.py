import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import retrain

PROGRAM = """
import sys
from retrain.learner.priority import yield_to_serving
from retrain.learner.round_process import die_with_parent
yield_to_serving()
die_with_parent()
print("ready", flush=True)
import time
time.sleep(120)
"""
PARENT = f"""
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", {PROGRAM!r}], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
child.stdout.readline()
print(child.pid, flush=True)
time.sleep(120)
"""

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="sessions and weights are read from /proc")


def _state(pid: int) -> list[str]:
    """Return the fields of /proc/PID/stat from the state on; empty where there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def test_a_round_has_the_lowest_weight_and_dies_with_its_learner(wait_until: Callable[..., None]) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(retrain.__file__).parents[1])}
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True, env=environment
    )
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    fields = _state(child)
    session, nice = int(fields[3]), int(fields[16])
    assert session == child
    assert nice == 19
    autogroup = Path(f"/proc/{child}/autogroup")
    if autogroup.exists():
        assert autogroup.read_text().strip().endswith("nice 19")
    parent.send_signal(signal.SIGKILL)
    parent.communicate()
    wait_until(lambda: _state(child)[:1] in ([], ["Z"]), "the child has died")
