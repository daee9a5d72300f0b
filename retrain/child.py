"""The process that one round runs in: it yields to serving, and dies with its learner."""

import ctypes
import logging
import os
import platform
import select
import signal
import sys
import threading
from contextlib import suppress
from pathlib import Path

import torch

from retrain.exit_status import CRASHED, FENCED, FINISHED, ORPHANED
from retrain.round import Handles, run_round
from store.errors import FencedError

log = logging.getLogger(__name__)

_PR_SET_PDEATHSIG = 1
_IOPRIO_SET = {"x86_64": 251, "aarch64": 30}
_IOPRIO_WHO_PROCESS = 1
_IOPRIO_IDLE = 3 << 13


def main(handles: Handles, round_id: int, fencing: int) -> int:
    """Run round `round_id` and return the exit status that tells the learner what happened."""
    torch.set_num_threads(handles.settings.fine_tune.num_threads)
    try:
        run_round(handles, round_id, fencing)
    except FencedError as error:
        log.warning("round %d: stopped, %s", round_id, error)
        return FENCED
    except Exception:
        # A process boundary: the learner counts the crash.
        log.exception("round %d crashed", round_id)
        return CRASHED
    return FINISHED


def die_with_parent() -> None:
    """End this process when the learner that started it ends, however it ends.

    The learner holds the other end of our standard input. Its end is noticed by a thread on any
    system; on Linux the kernel kills us besides, even where no thread of ours gets to run.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    # The parent may have died before the line above: then the pipe has ended already.
    if _has_ended(timeout_seconds=0):
        os._exit(ORPHANED)
    threading.Thread(target=_watch_parent, name="watch-parent", daemon=True).start()


def yield_to_serving() -> None:
    """Take the lowest scheduling weight, as far as this system lets us.

    Linux ranks nice values only within a session's autogroup, and groups share equally: so the round
    leads a session of its own and lowers the weight of that group too.
    """
    with suppress(PermissionError):
        os.setsid()
    with suppress(OSError):
        os.nice(19)
    with suppress(OSError):
        Path(f"/proc/{os.getpid()}/autogroup").write_text("19")
    number = _IOPRIO_SET.get(platform.machine())
    if sys.platform == "linux" and number is not None:
        ctypes.CDLL(None, use_errno=True).syscall(number, _IOPRIO_WHO_PROCESS, 0, _IOPRIO_IDLE)


def _watch_parent() -> None:
    while not _has_ended(timeout_seconds=None):
        pass
    os._exit(ORPHANED)


def _has_ended(timeout_seconds: float | None) -> bool:
    readable, _, _ = select.select([0], [], [], timeout_seconds)
    return bool(readable) and os.read(0, 1024) == b""
