"""The learner's children: how it starts them, and how each of the two notices that the other ended.

The learner loads no torch, so nothing here may.
"""

import ctypes
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Final

from retrain.learner.priority import Priority

# The exit statuses of a child.
FINISHED: Final = 0
CRASHED: Final = 1
#: The lease went to another learner: the child wrote nothing, and its try doesn't count.
FENCED: Final = 3
#: The learner died.
ORPHANED: Final = 4
#: It got too little of the processor: it begins anew with the next higher priority.
STARVED: Final = 5
#: A sample was deleted that it learnt from: it begins anew without it.
REPEATED: Final = 6

_PR_SET_PDEATHSIG = 1


class ChildProcess:
    """A started child, as its learner holds it.

    The child gets a pipe as its standard input, and only we hold the other end: when the pipe ends, we have
    died. The child leads a session of its own, so that neither a terminal's Ctrl-C nor the end of our process
    group reaches it.

    Args:
        command: What to run; the number, `--fencing N` and `--priority P` are appended.
        number: The round's, or the watch's.
        fencing: The learner's number.
        priority: How the child ranks beside other programs.
    """

    def __init__(self, command: Sequence[str], number: int, fencing: int, priority: Priority) -> None:
        self.number = number
        self._process = subprocess.Popen(
            [*command, str(number), "--fencing", str(fencing), "--priority", priority],
            stdin=subprocess.PIPE,
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        """The child's process number."""
        return self._process.pid

    def exit_status(self) -> int | None:
        """Return how it ended, None while it runs; a signal's number is negative."""
        status = self._process.poll()
        if status is not None:
            self._close_pipe()
        return status

    def kill(self) -> None:
        """End it at once; it never has more than a transaction to lose, which rolls back."""
        self._process.kill()
        self._process.wait()
        self._close_pipe()

    def _close_pipe(self) -> None:
        if self._process.stdin is not None:
            with suppress(BrokenPipeError):
                self._process.stdin.close()


def die_with_parent() -> None:
    """End this process when the learner that started it ends, however it ends.

    The learner holds the other end of our standard input, and on any system a thread of ours waits for that
    to end. On Linux the kernel kills us too, even where no thread of ours gets to run.
    """
    be_killed = killed_with_parent()
    if be_killed is not None:
        be_killed()
    # The parent may have died before the line above: then the pipe has ended already.
    if _has_ended(timeout_seconds=0):
        os._exit(ORPHANED)
    threading.Thread(target=_watch_parent, name="watch-parent", daemon=True).start()


def killed_with_parent() -> Callable[[], object] | None:
    """Return what a process calls to be killed when its parent ends; only Linux can, elsewhere it is None.

    It may be called between fork and exec too: it is a single system call, looked up before the fork, since
    no lock may be waited for after it. The kernel takes the parent for ended when the *thread* ends that
    started the process.
    """
    if sys.platform != "linux":
        return None
    return partial(ctypes.CDLL(None).prctl, _PR_SET_PDEATHSIG, int(signal.SIGKILL))


def _watch_parent() -> None:
    while not _has_ended(timeout_seconds=None):
        pass
    os._exit(ORPHANED)


def _has_ended(timeout_seconds: float | None) -> bool:
    readable, _, _ = select.select([0], [], [], timeout_seconds)
    return bool(readable) and os.read(0, 1024) == b""
