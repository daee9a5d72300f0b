"""A round's priority: the lowest at first, and raised by a step where the system allows that."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import retrain

YIELDING_PROGRAM = """
import pathlib, sys
from retrain.learner.priority import raise_priority, yield_to_serving
own_proc, priority = pathlib.Path(sys.argv[1]), sys.argv[2]
print(yield_to_serving(priority, own_proc), flush=True)
"""

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="weights are read from /proc")


def _print_after_yielding(own_proc: Path, then: str = "", priority: str = "idle") -> str:
    """Let a process of its own yield, and then run `then`; return what it printed."""
    done = subprocess.run(
        [sys.executable, "-c", YIELDING_PROGRAM + then, str(own_proc), priority],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(Path(retrain.__file__).parents[1])},
    )
    return done.stdout.strip()


def test_where_there_are_no_autogroups_a_nice_value_is_enough(tmp_path: Path) -> None:
    assert _print_after_yielding(tmp_path) == "None"


def test_the_autogroup_is_lowered_too(tmp_path: Path) -> None:
    (tmp_path / "autogroup").write_text("/autogroup-7 nice 0")
    assert _print_after_yielding(tmp_path) == "None"
    assert (tmp_path / "autogroup").read_text() == "19"


def test_the_round_leaves_a_core_to_whoever_wakes_up(tmp_path: Path) -> None:
    printed = _print_after_yielding(tmp_path, "import os; print(os.sched_getscheduler(0))")
    assert printed.split() == ["None", str(os.SCHED_IDLE)]


def test_its_time_slice_is_the_shortest_where_the_kernel_has_slices(tmp_path: Path) -> None:
    sched = Path("/proc/self/sched")
    if not sched.exists() or "se.slice" not in sched.read_text():
        pytest.skip("this kernel has no slices of a task's own")
    # Of idle work the kernel shows none; it is the same one when the policy is as it was.
    then = "import os; os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0)); "
    then += "print(pathlib.Path('/proc/self/sched').read_text())"
    printed = _print_after_yielding(tmp_path, then)
    (line,) = (line for line in printed.splitlines() if line.startswith("se.slice"))
    assert line.split()[-1] == "100000"


def test_an_autogroup_that_cant_be_lowered_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "autogroup").mkdir()
    assert "does not let the round take a lower weight" in _print_after_yielding(tmp_path)


WEIGHTS = """
print(os.sched_getscheduler(0), os.getpriority(os.PRIO_PROCESS, 0), (own_proc / "autogroup").read_text())
"""


@pytest.mark.parametrize(("priority", "nice", "group"), [("low", 5, "5"), ("normal", 0, "none")])
def test_a_higher_priority_is_no_idle_work(tmp_path: Path, priority: str, nice: int, group: str) -> None:
    (tmp_path / "autogroup").write_text("none")
    printed = _print_after_yielding(tmp_path, "import os" + WEIGHTS, priority)
    assert printed.split() == ["None", str(os.SCHED_OTHER), str(nice), group]


RAISE_ANOTHER_THREAD_TOO = """
import os, threading
seen, is_raised = [], threading.Event()
def show():
    is_raised.wait()
    seen.append((os.sched_getscheduler(0), os.getpriority(os.PRIO_PROCESS, threading.get_native_id())))
thread = threading.Thread(target=show)
thread.start()
print(raise_priority("low"), flush=True)
is_raised.set()
thread.join()
print(*seen[0], os.sched_getscheduler(0), os.getpriority(os.PRIO_PROCESS, 0))
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only who may rank all programs can raise one")
def test_who_may_raises_all_threads_of_a_round_in_place(tmp_path: Path) -> None:
    printed = _print_after_yielding(tmp_path, RAISE_ANOTHER_THREAD_TOO).split()
    assert printed == ["None", "True", *[str(os.SCHED_OTHER), "5"] * 2]


LOSE_ALL_RIGHTS = """
import os
os.setgroups([]) if os.geteuid() == 0 else None
os.setuid(65534) if os.geteuid() == 0 else None
print(raise_priority("low"), os.sched_getscheduler(0))
"""


def test_who_may_not_raise_it_is_told(tmp_path: Path) -> None:
    printed = _print_after_yielding(tmp_path, LOSE_ALL_RIGHTS).split()
    assert printed == ["None", "False", str(os.SCHED_IDLE)]
