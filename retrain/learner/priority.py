"""Gives a round's process its priority for processor and disk, and raises it.

The learner loads no torch, so nothing here may.
"""

import ctypes
import os
import platform
import struct
import sys
from contextlib import suppress
from pathlib import Path
from typing import Literal, get_args

Priority = Literal["idle", "low", "normal"]

# The lowest weight, a third of a normal program's (so that a round beside one gets a quarter), and the same.
_NICE: dict[Priority, int] = {"idle": 19, "low": 5, "normal": 0}
# Nanoseconds: the shortest that the kernel takes.
_SLICE = 100_000
_SCHED_SETATTR = {"x86_64": 314, "aarch64": 274}
_IOPRIO_SET = {"x86_64": 251, "aarch64": 30}
_IOPRIO_WHO_PROCESS = 1
_IOPRIO_IDLE = 3 << 13
_IOPRIO_NONE = 0


def next_priority(priority: Priority) -> Priority:
    """Return the priority above this one; the highest has none.

    >>> next_priority("idle"), next_priority("normal")
    ('low', 'normal')
    """
    names = get_args(Priority)
    above: Priority = names[min(names.index(priority) + 1, len(names) - 1)]
    return above


def yield_to_serving(priority: Priority = "idle", own_proc: Path = Path("/proc/self")) -> str | None:
    """Give this process its weight for processor and disk; return why it can't be had, None if it can.

    Linux ranks nice values only within a session's autogroup, and groups share equally: so the round leads a
    session of its own and lowers the weight of that group too. Where there are no autogroups, as on other
    systems and in containers with a weight of their own, nice values rank by themselves. The policy for idle
    work makes an idle round leave a core at once when serving wakes up, instead of at the next tick. Where
    the kernel (6.12 and later) lets the running thread finish a time slice first, the slice is the shortest.

    Args:
        priority: How the round ranks beside other programs.
        own_proc: Where the kernel shows this process.
    """
    with suppress(PermissionError):
        os.setsid()
    if priority == "normal":
        return None
    is_idle_on_linux = priority == "idle" and sys.platform == "linux"
    if is_idle_on_linux:
        _call(_IOPRIO_SET, _IOPRIO_WHO_PROCESS, 0, _IOPRIO_IDLE)
        _call(_SCHED_SETATTR, 0, _slice_attributes(), 0)
    try:
        os.setpriority(os.PRIO_PROCESS, 0, _NICE[priority])
        _set_autogroup(priority, own_proc)
        if is_idle_on_linux:
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    except OSError as error:
        return f"this system does not let the round take a lower weight than serving ({error})"
    return None


def raise_priority(priority: Priority, own_proc: Path = Path("/proc/self")) -> bool:
    """Raise every thread of this process; return False where the system lets only a new process rank higher.

    Most systems let a process only lower its own priority, unless it has the right to rank all others.
    """
    try:
        # The first thread first: what it may not do, no other may.
        for thread in sorted(int(task.name) for task in (own_proc / "task").iterdir()):
            with suppress(ProcessLookupError):
                os.sched_setscheduler(thread, os.SCHED_OTHER, os.sched_param(0))
                os.setpriority(os.PRIO_PROCESS, thread, _NICE[priority])
                _call(_IOPRIO_SET, _IOPRIO_WHO_PROCESS, thread, _IOPRIO_NONE)
        _set_autogroup(priority, own_proc)
    except (OSError, AttributeError):
        return False
    return True


def _set_autogroup(priority: Priority, own_proc: Path) -> None:
    autogroup = own_proc / "autogroup"
    if autogroup.exists():
        autogroup.write_text(str(_NICE[priority]))


def _call(numbers: dict[str, int], *arguments: int | bytes) -> None:
    """Call the kernel where this processor's number is known; the round can do without what it refuses."""
    number = numbers.get(platform.machine())
    if number is not None:
        ctypes.CDLL(None, use_errno=True).syscall(number, *arguments)


def _slice_attributes() -> bytes:
    """Return a `struct sched_attr` of the normal policy with the shortest slice; later policies keep it."""
    # Size, policy, flags, nice, priority, slice, deadline, period, utilisation at least and at most.
    return struct.pack("=IIQiIQQQII", 56, os.SCHED_OTHER, 0, _NICE["idle"], 0, _SLICE, 0, 0, 0, 0)
