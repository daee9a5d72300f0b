"""The lowest scheduling weight for a round's process, as far as this system grants it."""

import ctypes
import os
import platform
import struct
import sys
from contextlib import suppress
from pathlib import Path

_LOWEST = 19
# Nanoseconds: the shortest that the kernel takes.
_SLICE = 100_000
_SCHED_SETATTR = {"x86_64": 314, "aarch64": 274}
_IOPRIO_SET = {"x86_64": 251, "aarch64": 30}
_IOPRIO_WHO_PROCESS = 1
_IOPRIO_IDLE = 3 << 13


def yield_to_serving(process: Path = Path("/proc/self")) -> str | None:
    """Take the lowest weight for processor and disk; return what stands in the way of it, None where nothing.

    Linux ranks nice values only within a session's autogroup, and groups share equally: so the round
    leads a session of its own and lowers the weight of that group too. Where there are no autogroups, as on
    other systems and in containers with a weight of their own, nice values rank by themselves. The policy for
    idle work makes the round leave a core at once when serving wakes up, instead of at the next tick; and
    where the kernel (6.12 and later) lets whoever runs finish a time slice first, it is the shortest.

    Args:
        process: Where the kernel shows this process.
    """
    with suppress(PermissionError):
        os.setsid()
    if sys.platform == "linux":
        _call(_IOPRIO_SET, _IOPRIO_WHO_PROCESS, 0, _IOPRIO_IDLE)
        _call(_SCHED_SETATTR, 0, _slice_attributes(), 0)
    try:
        os.setpriority(os.PRIO_PROCESS, 0, _LOWEST)
        autogroup = process / "autogroup"
        if autogroup.exists():
            autogroup.write_text(str(_LOWEST))
        if sys.platform == "linux":
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    except OSError as error:
        return f"this system does not let the round take a lower weight than serving ({error})"
    return None


def _call(numbers: dict[str, int], *arguments: int | bytes) -> None:
    """Call the kernel where this processor's number is known; what it refuses is an extra that is missed."""
    number = numbers.get(platform.machine())
    if number is not None:
        ctypes.CDLL(None, use_errno=True).syscall(number, *arguments)


def _slice_attributes() -> bytes:
    """Return a `struct sched_attr` of the normal policy with the shortest slice; later policies keep it."""
    # Size, policy, flags, nice, priority, slice, deadline, period, utilisation at least and at most.
    return struct.pack("=IIQiIQQQII", 56, os.SCHED_OTHER, 0, _LOWEST, 0, _SLICE, 0, 0, 0, 0)
