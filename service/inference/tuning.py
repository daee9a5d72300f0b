"""How a serving process uses cores, memory and the collector, with what each setting buys.

The figures are of two cores (ADR 10; "i/s" is images a second, p99 the 99th percentile of the waiting). What
has no figure of its own says so.
"""

import ctypes
import gc
import os
import sys
import threading
from collections import deque
from contextlib import suppress

import torch

#: Steps of the kernel's nice values below the event loop. A batch computes for tens of milliseconds; the loop
#: wants moments, in which it holds the interpreter's lock, so that batches wait for it anyway.
#: Buys: at twice the load 84 instead of 78 i/s, and refusals within 1.7 instead of 2.3 ms.
BATCH_STEPS = 5
#: As far below the batch threads again, and more: what loads a version beside the live one has time.
#: Buys: at their own weight, requests beside a load waited twice as long.
LOADER_STEPS = 15

# Buys: 80 swaps add 20 to 40 MiB instead of 200, and a load no longer gives pages back (14 of 117 ms).
_NUM_ARENAS = 2
# As malloc.h has it.
_M_ARENA_MAX = -8


def lower_weight(steps: int) -> None:
    """Let the calling thread give way to the one that started it, by so many steps; 19 is the lowest.

    Only Linux gives each thread a weight of its own; elsewhere it would be the whole process's, so nothing is
    changed there.
    """
    if sys.platform == "linux":
        thread = threading.get_native_id()
        # A sandbox may refuse; all work is done all the same.
        with suppress(OSError):
            # From where it is: the whole server may have been started with a lower weight.
            own = os.getpriority(os.PRIO_PROCESS, thread)
            os.setpriority(os.PRIO_PROCESS, thread, own + steps)


class ThreadCores:
    """Gives each batch thread a core of its own, where there are as many threads as cores.

    A thread that slept for a moment, as these do for the interpreter's lock, is woken where the kernel finds
    room just then: two may share a core for milliseconds while another one has nothing to do. Other
    threads still run wherever they like. Where a process is given a part of a machine's cores by a quota,
    nothing is fixed: all such processes would choose the same ones.

    Buys: in 8-bit integers 173 instead of 169 i/s; at half load beside idle work a p99 of 79 instead of
    103 ms.
    """

    def __init__(self, num_threads: int) -> None:
        # Only Linux lets a process choose its cores.
        cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_setaffinity") else []
        self._free = deque(cores if len(cores) == num_threads else ())

    def pin_this_thread(self) -> None:
        """Keep the calling thread to the next core that none has; called once in each thread."""
        # A sandbox may refuse, or take a core away meanwhile; all work is done all the same.
        with suppress(OSError):
            if self._free:
                os.sched_setaffinity(0, {self._free.popleft()})


def forward_on_one_thread() -> None:
    """Let torch compute each forward on its batch's own thread.

    Buys: two forwards side by side, each on one thread, answer 138 i/s, and one on two threads 71; beside
    one busy process a forward on two threads took 60 to 900 ms instead of 25.
    """
    torch.set_num_threads(1)


def share_arenas() -> None:
    """Let all threads share two malloc arenas, where the C library (glibc) gives each one of its own.

    An arena keeps what its threads freed, for them: what one thread frees of a retired version another could
    not use for the next. Call it early: arenas that were made already stay.
    """
    if sys.platform == "linux":
        set_option = getattr(ctypes.CDLL(None), "mallopt", None)
        if set_option is not None:
            set_option(_M_ARENA_MAX, _NUM_ARENAS)


def freeze_imported_objects() -> None:
    """Let the garbage collector skip what was imported, which stays.

    Buys: 0.2 ms an image, and a p99 of 271 instead of 363 ms, for what was imported.
    """
    gc.collect()
    gc.freeze()
