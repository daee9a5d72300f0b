"""The micro-batcher: images that wait at the same time share one forward pass."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from service.admission import Admission
from service.images import Prepare, Prepared
from service.predictor import Prediction, Predictor
from service.settings import BatchSettings
from service.tuning import LANE_STEPS, LaneCores, lower_weight
from vision.errors import ImageError

_log = logging.getLogger(__name__)

# A lane that was free for longer had nothing to do; for less, and its next images were on their way.
_REST_SECONDS = 0.01
# As long after a rest, lanes have time for more than there is.
_CALM_SECONDS = 1.0

Predicted = tuple[Prediction, Prepared]


@dataclass(frozen=True, slots=True)
class BatchHooks:
    """What is told of batches: the size of each, and each time images were refused."""

    on_batch: Callable[[int], None]
    on_refusal: Callable[[], None]


@dataclass(eq=False, slots=True)
class _Waiting:
    content: bytes
    outcome: asyncio.Future[Predicted]


class Batcher:
    """Answers images in lanes: each is a thread that decodes a batch, image by image, then forwards it.

    There are as many lanes as cores to keep busy, so a core has one thing to do at a time. An image for which
    a lane is free is begun at once. Others wait, and the lane that begins next takes them as it decodes: its
    batch closes when it is full, when its first image has waited its share, or when no other one is waiting.
    As long as lanes have rests, each leaves the others their part of what waits, to be answered sooner.
    A request whose client has gone is dropped before it costs anything. One version answers a whole batch.
    """

    def __init__(
        self, predictor: Predictor, prepare: Prepare, settings: BatchSettings, hooks: BatchHooks
    ) -> None:
        self._predictor = predictor
        self._prepare = prepare
        self._settings = settings
        self._hooks = hooks
        self.admission = Admission(settings.max_queue, hooks.on_refusal)
        # Added to on the event loop, taken from by it and by lanes: each is one step that no thread divides.
        self._waiting: deque[_Waiting] = deque()
        cores = LaneCores(settings.lanes)
        self._lanes = ThreadPoolExecutor(
            settings.lanes, thread_name_prefix="lane", initializer=_prepare_lane, initargs=(cores,)
        )
        # Since when each free lane has been free; those that have been for longest are first.
        self._free_since = deque([0.0] * settings.lanes)
        # Written by the event loop, read by lanes.
        self._calm_until = 0.0
        self._in_flight: set[asyncio.Task[None]] = set()

    async def predict(self, content: bytes) -> Predicted:
        """Return the prediction for one image's bytes, and the image as it was prepared.

        Raises:
            BusyError: Too many images are waiting already.
            NotReadyError: No version is loaded yet.
            ImageError: The bytes can't be decoded.
        """
        with self.admission.of(1):
            return await self._predict_one(content)

    async def predict_many(self, contents: Sequence[bytes]) -> list[Predicted | ImageError]:
        """Return one prediction, or what is wrong with the image, for each image's bytes.

        Raises:
            BusyError: Too many images are waiting already; none of these was taken.
            NotReadyError: No version is loaded yet.
        """

        async def predict_or_tell(content: bytes) -> Predicted | ImageError:
            try:
                return await self._predict_one(content)
            except ImageError as error:
                return error

        with self.admission.of(len(contents)):
            return await asyncio.gather(*(predict_or_tell(content) for content in contents))

    async def close(self) -> None:
        """Finish what was taken in, then stop."""
        while self._in_flight:
            await asyncio.gather(*self._in_flight, return_exceptions=True)
        self._lanes.shutdown(wait=False)

    async def _predict_one(self, content: bytes) -> Predicted:
        self._predictor.require()
        waiting = _Waiting(content, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        self._begin()
        return await waiting.outcome

    def _begin(self) -> None:
        """Set each free lane to work, as long as images wait."""
        while self._free_since and (first := self._take()) is not None:
            now = time.monotonic()
            if now - self._free_since.popleft() > _REST_SECONDS:
                self._calm_until = now + _CALM_SECONDS
            task = asyncio.create_task(self._run_lane(first), name="lane")
            self._in_flight.add(task)
            task.add_done_callback(self._in_flight.discard)

    def _take(self) -> _Waiting | None:
        while True:
            try:
                waiting = self._waiting.popleft()
            except IndexError:
                return None
            # Done before it began: its client has gone.
            if not waiting.outcome.done():
                return waiting

    async def _run_lane(self, first: _Waiting) -> None:
        loop = asyncio.get_running_loop()
        try:
            await loop.run_in_executor(self._lanes, self._work, first, loop)
        finally:
            self._free_since.append(time.monotonic())
        # Those that came after the lane had found nobody.
        self._begin()

    def _work(self, first: _Waiting, loop: asyncio.AbstractEventLoop) -> None:
        """Answer batch after batch until no image waits; called in a lane.

        The next batch begins without the event loop, which is busy when the core is wanted most.
        """
        waiting: _Waiting | None = first
        while waiting is not None:
            batch = [waiting]
            outcomes: Sequence[Predicted | Exception]
            try:
                outcomes = self._answer(batch)
            except Exception as error:  # noqa: BLE001  the boundary of a batch: each of its requests is told
                _log.exception("a batch of %d failed", len(batch))
                outcomes = [error] * len(batch)
            loop.call_soon_threadsafe(_tell, batch, outcomes)
            waiting = self._take()

    def _answer(self, batch: list[_Waiting]) -> list[Predicted | Exception]:
        """Fill the batch that was begun with one image, and return what its images are answered."""
        # Read once: a swap during the batch must not mix two versions.
        model = self._predictor.require()
        until = time.monotonic() + self._settings.wait_seconds
        outcomes: list[Prepared | Exception] = []
        while True:
            try:
                outcomes.append(self._prepare(batch[-1].content, model.artifact.preprocessing))
            except Exception as error:  # noqa: BLE001  whatever is wrong with one image, others are answered
                outcomes.append(error)
            if self._is_closed(len(batch), until) or (waiting := self._take()) is None:
                break
            batch.append(waiting)
        images = [outcome for outcome in outcomes if isinstance(outcome, Prepared)]
        predictions: Iterator[Prediction] = iter(())
        if images:
            predictions = iter(self._predictor.predict(model, [image.pixels for image in images]))
            self._hooks.on_batch(len(images))
        return [
            (next(predictions), outcome) if isinstance(outcome, Prepared) else outcome for outcome in outcomes
        ]

    def _is_closed(self, num: int, until: float) -> bool:
        now = time.monotonic()
        has_its_part = num * self._settings.lanes >= num + len(self._waiting)
        return num >= self._settings.max_batch or now >= until or (has_its_part and now < self._calm_until)


def _prepare_lane(cores: LaneCores) -> None:
    lower_weight(LANE_STEPS)
    cores.take()


def _tell(batch: Sequence[_Waiting], outcomes: Sequence[Predicted | Exception]) -> None:
    for waiting, outcome in zip(batch, outcomes, strict=True):
        # Its client may have gone.
        if waiting.outcome.done():
            continue
        if isinstance(outcome, Exception):
            waiting.outcome.set_exception(outcome)
        else:
            waiting.outcome.set_result(outcome)
