"""What a round leaves to serving on this machine: memory, and rests of the processor.

The learner loads no torch, so nothing here may.
"""

import time
from pathlib import Path

from vision.cores import MEMBERSHIP, MOUNT, own_groups

_MEMINFO = Path("/proc/meminfo")
_SCHEDSTAT = Path("/proc/thread-self/schedstat")
_SCHEDSTAT_OF_PROCESS = Path("/proc/self/schedstat")

#: A machine that slept must not make the round sleep as long.
MAX_REST_SECONDS = 5.0
# Of the time that the round waited; ADR 11 says what the full time would cost it.
_REST_SHARE = 0.5


def free_memory(meminfo: Path = _MEMINFO, mount: Path = MOUNT, membership: Path = MEMBERSHIP) -> int | None:
    """Return the bytes free on this machine and within this process's groups; None where neither is known.

    What the kernel keeps of files counts as free: it gives that up when memory is needed.

    Args:
        meminfo: Where Linux shows the machine's memory.
        mount: Where it shows those of control groups, of version 2: a container's, or a systemd unit's.
        membership: Where it names the groups of this process.
    """
    groups = own_groups("memory", mount, membership)
    amounts = [_of_machine(meminfo), *map(_of_group, groups)]
    return min((num_bytes for num_bytes in amounts if num_bytes is not None), default=None)


def _of_machine(meminfo: Path) -> int | None:
    try:
        lines = dict(line.split(":", 1) for line in meminfo.read_text().splitlines())
        return int(lines["MemAvailable"].split()[0]) * 1024
    except (OSError, ValueError, KeyError, IndexError):
        return None


def _of_group(group: Path) -> int | None:
    try:
        limit = (group / "memory.max").read_text().strip()
        used = int((group / "memory.current").read_text())
        stat = dict(line.split(" ", 1) for line in (group / "memory.stat").read_text().splitlines())
        return None if limit == "max" else max(0, int(limit) - used + int(stat["inactive_file"]))
    except (OSError, ValueError, KeyError):
        return None


class Throttle:
    """Makes a round rest where it keeps others waiting, since a low weight alone doesn't prevent that.

    A core that runs a round isn't idle, however low the round's weight: the kernel won't pull a waiting
    thread of serving onto it. Where others want the cores, this thread is ready and doesn't run for a time;
    then the round leaves the cores alone for half as long again. On a machine with nothing else to do it
    never rests. Only Linux shows that time; elsewhere the round never rests either.
    """

    def __init__(self, schedstat: Path = _SCHEDSTAT) -> None:
        self._schedstat = schedstat
        self._waited = seconds_waited(schedstat)

    def rest(self) -> None:
        """Sleep for half as long as this thread was kept waiting since the last call, 5 s at most."""
        waited = seconds_waited(self._schedstat) - self._waited
        time.sleep(min(MAX_REST_SECONDS, max(0.0, _REST_SHARE * waited)))
        # Read again: to wake up takes a moment of waiting too.
        self._waited = seconds_waited(self._schedstat)


def seconds_waited(schedstat: Path = _SCHEDSTAT_OF_PROCESS) -> float:
    """Return for how long a thread was ready and did not run, by default a process's first; 0 if unknown."""
    try:
        # Nanoseconds that it ran, nanoseconds that it waited, and how often it began.
        return int(schedstat.read_text().split()[1]) / 1e9
    except (OSError, ValueError, IndexError):
        return 0.0
