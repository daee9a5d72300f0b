"""The process that one round runs in: its exit status shows the learner how it ended."""

import logging
from dataclasses import replace

import torch

from retrain.errors import SampleDeletedError
from retrain.journal import Journal
from retrain.learner.progress_floor import ProgressFloor
from retrain.learner.resources import Throttle
from retrain.learner.round_process import CRASHED, FENCED, FINISHED, REPEATED
from retrain.round import run_round
from retrain.settings import RoundSettings
from store.errors import FencedError
from store.state import State
from vision.device import limit_device_memory, resolve_device

log = logging.getLogger(__name__)


def main(
    state: State,
    settings: RoundSettings,
    journal: Journal,
    floor: ProgressFloor | None = None,
    priority_error: str | None = None,
) -> int:
    """Run a round and return the exit status that shows the learner what happened.

    Args:
        state: Where samples and versions are.
        settings: What the round may do.
        journal: Of the round.
        floor: Watches over this process, and knows its priority; None where that can't be changed.
        priority_error: Why this process has no lower weight than serving; then it keeps to one thread.
    """
    throttle = Throttle()

    def rest() -> None:
        # What isn't to yield at once would, by resting too, get less than its share.
        if floor is None or floor.priority == "idle":
            throttle.rest()

    if priority_error is not None:
        log.warning("round %d: %s; it keeps to one thread", journal.round_id, priority_error)
        settings = replace(settings, fine_tune=replace(settings.fine_tune, num_threads=1))
    torch.set_num_threads(settings.fine_tune.num_threads)
    limit_device_memory(resolve_device(settings.device), settings.device_memory)
    try:
        if priority_error is not None:
            journal.note("priority", obstacle=priority_error, threads=1)
        run_round(state, settings, journal, rest=rest)
    except FencedError as error:
        log.warning("round %d: stopped, %s", journal.round_id, error)
        return FENCED
    except SampleDeletedError as error:
        journal.repeat(str(error))
        return REPEATED
    except Exception:
        # A process boundary: the learner counts the crash.
        log.exception("round %d crashed", journal.round_id)
        return CRASHED
    return FINISHED
