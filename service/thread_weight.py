"""Which of a server's threads goes first when all of them want the processor."""

import os
import sys
import threading
from contextlib import suppress

#: Steps of the kernel's nice values below the event loop. A lane computes for tens of milliseconds; the loop
#: wants moments, in which it holds the interpreter's lock, so that lanes wait for it anyway.
LANE_STEPS = 5
#: As far below the lanes again, and more: what loads a version beside the live one has time.
LOADER_STEPS = 15


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
