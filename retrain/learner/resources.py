"""What a round leaves to serving on this machine: memory, processor and disk.

The learner loads no torch, so nothing here may.
"""

import ctypes
import os
import platform
import struct
import sys
import time
from contextlib import suppress
from pathlib import Path

_MEMINFO = Path("/proc/meminfo")
_CGROUP = Path("/sys/fs/cgroup")
_SCHEDSTAT = Path("/proc/thread-self/schedstat")

_LOWEST = 19
# Nanoseconds: the shortest that the kernel takes.
_SLICE = 100_000
_SCHED_SETATTR = {"x86_64": 314, "aarch64": 274}
_IOPRIO_SET = {"x86_64": 251, "aarch64": 30}
_IOPRIO_WHO_PROCESS = 1
_IOPRIO_IDLE = 3 << 13

#: A machine that slept must not make the round sleep as long.
MAX_REST_SECONDS = 5.0
# Of the time that the round waited; ADR 11 says what the full time would cost it.
_REST_SHARE = 0.5


def free_memory(meminfo: Path = _MEMINFO, cgroup: Path = _CGROUP) -> int | None:
    """Return the bytes that are free on this machine and within this container; None where neither is known.

    What the kernel keeps of files counts as free: it gives that up when memory is needed.

    Args:
        meminfo: Where Linux shows the machine's memory.
        cgroup: Where it shows the container's, in version 2.
    """
    amounts = [
        num_bytes for num_bytes in (_of_machine(meminfo), _of_container(cgroup)) if num_bytes is not None
    ]
    return min(amounts, default=None)


def _of_machine(meminfo: Path) -> int | None:
    try:
        lines = dict(line.split(":", 1) for line in meminfo.read_text().splitlines())
        return int(lines["MemAvailable"].split()[0]) * 1024
    except (OSError, ValueError, KeyError, IndexError):
        return None


def _of_container(cgroup: Path) -> int | None:
    try:
        limit = (cgroup / "memory.max").read_text().strip()
        used = int((cgroup / "memory.current").read_text())
        stat = dict(line.split(" ", 1) for line in (cgroup / "memory.stat").read_text().splitlines())
        return None if limit == "max" else max(0, int(limit) - used + int(stat["inactive_file"]))
    except (OSError, ValueError, KeyError):
        return None


def yield_to_serving(own_proc: Path = Path("/proc/self")) -> str | None:
    """Give this process the lowest weight for processor and disk; return why it can't be had, None if it can.

    Linux ranks nice values only within a session's autogroup, and groups share equally: so the round leads a
    session of its own and lowers the weight of that group too. Where there are no autogroups, as on other
    systems and in containers with a weight of their own, nice values rank by themselves. The policy for idle
    work makes the round leave a core at once when serving wakes up, instead of at the next tick. Where the
    kernel (6.12 and later) lets the running thread finish a time slice first, the slice is the shortest.

    Args:
        own_proc: Where the kernel shows this process.
    """
    with suppress(PermissionError):
        os.setsid()
    if sys.platform == "linux":
        _call(_IOPRIO_SET, _IOPRIO_WHO_PROCESS, 0, _IOPRIO_IDLE)
        _call(_SCHED_SETATTR, 0, _slice_attributes(), 0)
    try:
        os.setpriority(os.PRIO_PROCESS, 0, _LOWEST)
        autogroup = own_proc / "autogroup"
        if autogroup.exists():
            autogroup.write_text(str(_LOWEST))
        if sys.platform == "linux":
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    except OSError as error:
        return f"this system does not let the round take a lower weight than serving ({error})"
    return None


def _call(numbers: dict[str, int], *arguments: int | bytes) -> None:
    """Call the kernel where this processor's number is known; the round can do without what it refuses."""
    number = numbers.get(platform.machine())
    if number is not None:
        ctypes.CDLL(None, use_errno=True).syscall(number, *arguments)


def _slice_attributes() -> bytes:
    """Return a `struct sched_attr` of the normal policy with the shortest slice; later policies keep it."""
    # Size, policy, flags, nice, priority, slice, deadline, period, utilisation at least and at most.
    return struct.pack("=IIQiIQQQII", 56, os.SCHED_OTHER, 0, _LOWEST, 0, _SLICE, 0, 0, 0, 0)


class Throttle:
    """Makes a round rest where it keeps others waiting, since a low weight alone doesn't prevent that.

    A core that runs a round isn't idle, however low the round's weight: the kernel won't pull a waiting
    thread of serving onto it. Where others want the cores, this thread is ready and doesn't run for a time;
    then the round leaves the cores alone for half as long again. On a machine with nothing else to do it
    never rests. Only Linux shows that time; elsewhere the round never rests either.
    """

    def __init__(self, schedstat: Path = _SCHEDSTAT) -> None:
        self._schedstat = schedstat
        self._waited = self._seconds_waited()

    def rest(self) -> None:
        """Sleep for half as long as this thread was kept waiting since the last call, 5 s at most."""
        waited = self._seconds_waited() - self._waited
        time.sleep(min(MAX_REST_SECONDS, max(0.0, _REST_SHARE * waited)))
        # Read again: to wake up takes a moment of waiting too.
        self._waited = self._seconds_waited()

    def _seconds_waited(self) -> float:
        try:
            # Nanoseconds that it ran, nanoseconds that it waited, and how often it began.
            return int(self._schedstat.read_text().split()[1]) / 1e9
        except (OSError, ValueError, IndexError):
            return 0.0
