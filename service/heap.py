"""What a process holds of memory that it has freed."""

import ctypes
import sys


def return_freed() -> None:
    """Give freed memory back to the system, where the C library can be told to (glibc).

    Without it each version that a thread loads leaves some of its copies' pages with that thread's heap.
    """
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)
