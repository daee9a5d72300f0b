"""Which core a lane keeps to."""

import os
from collections import deque
from contextlib import suppress


class LaneCores:
    """Gives each lane a core of its own, where there are as many lanes as cores.

    A thread that slept for a moment, as lanes do for the interpreter's lock, is woken where the kernel finds
    room just then: two lanes may share a core for milliseconds while another one has nothing to do. Other
    threads still run wherever they like. Where a process is given a part of a machine's cores by a quota,
    nothing is fixed: all such processes would choose the same ones.
    """

    def __init__(self, num_lanes: int) -> None:
        # Elsewhere than on Linux nobody may choose.
        cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_setaffinity") else []
        self._free = deque(cores if len(cores) == num_lanes else ())

    def take(self) -> None:
        """Keep the calling thread to the next core that no lane has; called once in each lane."""
        # A sandbox may refuse, or take a core away meanwhile; all work is done all the same.
        with suppress(OSError):
            if self._free:
                os.sched_setaffinity(0, {self._free.popleft()})
