"""The kernel's part in ending a process with the one that started it."""

import ctypes
import signal
import sys
from collections.abc import Callable
from functools import partial

_PR_SET_PDEATHSIG = 1


def killed_with_parent() -> Callable[[], object] | None:
    """Return what a process calls to be killed when its parent ends; only Linux can, elsewhere it is None.

    It may be called between fork and exec too: it is a single system call, found before the fork, since no
    lock may be waited for after it. To the kernel the parent has ended when the *thread* has that made the
    process.
    """
    if sys.platform != "linux":
        return None
    return partial(ctypes.CDLL(None).prctl, _PR_SET_PDEATHSIG, int(signal.SIGKILL))
