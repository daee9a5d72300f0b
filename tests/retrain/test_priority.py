"""A round's process takes the lowest weight, or says why it can't."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import retrain

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="weights are read from /proc")

PROGRAM = """
import pathlib, sys
from retrain.priority import yield_to_serving
print(yield_to_serving(pathlib.Path(sys.argv[1])), flush=True)
"""


def _obstacle(process: Path, then: str = "") -> str:
    """Let a process of its own yield, and then do more, and return what it printed."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM + then, str(process)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(Path(retrain.__file__).parents[1])},
    )
    return done.stdout.strip()


def test_where_there_are_no_autogroups_a_nice_value_is_enough(tmp_path: Path) -> None:
    assert _obstacle(tmp_path) == "None"


def test_the_autogroup_is_lowered_too(tmp_path: Path) -> None:
    (tmp_path / "autogroup").write_text("/autogroup-7 nice 0")
    assert _obstacle(tmp_path) == "None"
    assert (tmp_path / "autogroup").read_text() == "19"


def test_the_round_leaves_a_core_to_whoever_wakes_up(tmp_path: Path) -> None:
    printed = _obstacle(tmp_path, "import os; print(os.sched_getscheduler(0))")
    assert printed.split() == ["None", str(os.SCHED_IDLE)]


def test_its_time_slice_is_the_shortest_where_the_kernel_has_slices(tmp_path: Path) -> None:
    sched = Path("/proc/self/sched")
    if not sched.exists() or "se.slice" not in sched.read_text():
        pytest.skip("this kernel has no slices of a task's own")
    # Of idle work the kernel shows none; it is the same one when the policy is as it was.
    shown = "import os; os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0)); "
    shown += "print(pathlib.Path('/proc/self/sched').read_text())"
    (line,) = (line for line in _obstacle(tmp_path, shown).splitlines() if line.startswith("se.slice"))
    assert line.split()[-1] == "100000"


def test_an_autogroup_that_cant_be_lowered_is_an_obstacle(tmp_path: Path) -> None:
    (tmp_path / "autogroup").mkdir()
    assert "does not let the round take a lower weight" in _obstacle(tmp_path)
