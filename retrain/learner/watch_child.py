"""The process in which production's predecessor answers for a watch; its exit status says how it ended."""

import logging
from typing import Final

import torch

from retrain.learner.fenced_database import FencedDatabase
from retrain.learner.progress_floor import ProgressFloor
from retrain.learner.resources import Throttle
from retrain.learner.round_process import CRASHED, FENCED, FINISHED
from retrain.settings import RoundSettings
from retrain.watch.answering import Predecessor, answer_log, predecessor_of
from store.errors import FencedError
from store.state import State
from vision.device import limit_device_memory, resolve_device
from vision.engines.choice import EngineSettings
from vision.engines.openvino_engine import Threads

log = logging.getLogger(__name__)

#: How long it waits for more images before it ends.
LINGER_SECONDS: Final = 60.0


def main(
    state: State,
    settings: RoundSettings,
    watch_id: int,
    fencing: int,
    floor: ProgressFloor | None = None,
    linger_seconds: float = LINGER_SECONDS,
) -> int:
    """Let the predecessor answer what production answers, and return the exit status.

    It keeps to one thread: a watch takes weeks or hours, as its images come.

    Args:
        state: Where versions, images and the log are.
        settings: How versions are run; as in a round.
        watch_id: The watch.
        fencing: The learner's number.
        floor: Watches over this process, and knows its priority; None where that can't be changed.
        linger_seconds: How long it waits for more images before it ends.
    """
    throttle = Throttle()

    def rest() -> None:
        # What isn't to yield at once would, by resting too, get less than its share.
        if floor is None or floor.priority == "idle":
            throttle.rest()

    torch.set_num_threads(1)
    device = resolve_device(settings.device)
    limit_device_memory(device, settings.device_memory)
    engines = EngineSettings(settings.engine, settings.precision, device, Threads(num_threads=1))
    database = FencedDatabase(state.database, fencing)
    try:
        with database.read() as connection:
            version = predecessor_of(connection, watch_id)
        if version is not None:
            predecessor = Predecessor(version, state.blobs, engines, settings.limits)
            answer_log(database, watch_id, predecessor.answer, linger_seconds=linger_seconds, rest=rest)
    except FencedError as error:
        log.warning("the watch: stopped, %s", error)
        return FENCED
    except Exception:
        # A process boundary: the learner counts the crash.
        log.exception("the watch: the predecessor's process crashed")
        return CRASHED
    return FINISHED
