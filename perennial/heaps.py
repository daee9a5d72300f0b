"""How many heaps this process's threads have between them."""

import ctypes
import sys

# As malloc.h has it.
_M_ARENA_MAX = -8
_NUM_HEAPS = 2


def share_heaps() -> None:
    """Let all threads share two heaps, where the C library (glibc) gives each one of its own.

    A heap keeps what its threads freed, for them: what one thread frees of a retired version another could
    not use for the next. Call it early: heaps that were made already stay.
    """
    if sys.platform == "linux":
        set_option = getattr(ctypes.CDLL(None), "mallopt", None)
        if set_option is not None:
            set_option(_M_ARENA_MAX, _NUM_HEAPS)
