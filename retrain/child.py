"""The process that one round runs in: it tells its learner how it ended, and dies with it."""

import logging
import os
import select
import threading
from dataclasses import replace

import torch

from retrain.courtesy import Courtesy
from retrain.exit_status import CRASHED, FENCED, FINISHED, ORPHANED
from retrain.parent_death import killed_with_parent
from retrain.round import Handles, run_round
from store.errors import FencedError
from vision.device import limit_device_memory, resolve_device

log = logging.getLogger(__name__)


def main(handles: Handles, round_id: int, fencing: int, obstacle: str | None = None) -> int:
    """Run round `round_id` and return the exit status that tells the learner what happened.

    Args:
        handles: What the round works with.
        round_id: Which one.
        fencing: Of the learner's lease.
        obstacle: Why this process has no lower weight than serving; then it keeps to one thread.
    """
    if obstacle is not None:
        log.warning("round %d: %s; it keeps to one thread", round_id, obstacle)
        fine_tune = replace(handles.settings.fine_tune, num_threads=1)
        handles = replace(handles, settings=replace(handles.settings, fine_tune=fine_tune))
    torch.set_num_threads(handles.settings.fine_tune.num_threads)
    limit_device_memory(resolve_device(handles.settings.device), handles.settings.device_memory)
    handles = replace(handles, rest=Courtesy().rest)
    try:
        run_round(handles, round_id, fencing, obstacle)
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
    be_killed = killed_with_parent()
    if be_killed is not None:
        be_killed()
    # The parent may have died before the line above: then the pipe has ended already.
    if _has_ended(timeout_seconds=0):
        os._exit(ORPHANED)
    threading.Thread(target=_watch_parent, name="watch-parent", daemon=True).start()


def _watch_parent() -> None:
    while not _has_ended(timeout_seconds=None):
        pass
    os._exit(ORPHANED)


def _has_ended(timeout_seconds: float | None) -> bool:
    readable, _, _ = select.select([0], [], [], timeout_seconds)
    return bool(readable) and os.read(0, 1024) == b""
