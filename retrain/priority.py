"""The lowest scheduling weight for a round's process, as far as this system grants it."""

import ctypes
import os
import platform
import sys
from contextlib import suppress
from pathlib import Path

_LOWEST = 19
_IOPRIO_SET = {"x86_64": 251, "aarch64": 30}
_IOPRIO_WHO_PROCESS = 1
_IOPRIO_IDLE = 3 << 13


def yield_to_serving(process: Path = Path("/proc/self")) -> str | None:
    """Take the lowest weight for processor and disk; return what stands in the way of it, None where nothing.

    Linux ranks nice values only within a session's autogroup, and groups share equally: so the round
    leads a session of its own and lowers the weight of that group too. Where there are no autogroups, as on
    other systems and in containers with a weight of their own, nice values rank by themselves. The policy for
    idle work makes the round leave a core at once when serving wakes up, instead of at the next tick.

    Args:
        process: Where the kernel shows this process.
    """
    with suppress(PermissionError):
        os.setsid()
    number = _IOPRIO_SET.get(platform.machine())
    if sys.platform == "linux" and number is not None:
        ctypes.CDLL(None, use_errno=True).syscall(number, _IOPRIO_WHO_PROCESS, 0, _IOPRIO_IDLE)
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
