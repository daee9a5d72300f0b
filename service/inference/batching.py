"""The micro-batcher: images that wait at the same time share one forward pass."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from service.admission import Admission
from service.inference.images import Prepare, Prepared
from service.inference.predictor import Prediction, Predictor
from service.inference.tuning import BATCH_STEPS, ThreadCores, lower_weight
from service.settings import BatchSettings
from vision.errors import ImageError
from vision.formats.decoding_cost import decoding_cost

_log = logging.getLogger(__name__)

# A thread that was free for longer was idle; for less, and its next images were on their way.
_IDLE_SECONDS = 0.01
# For so long after a thread was idle, there are more threads than work.
_SPARE_SECONDS = 1.0

Predicted = tuple[Prediction, Prepared]


@dataclass(frozen=True, slots=True)
class BatchHooks:
    """Callbacks: the size of each batch, and each refusal of images."""

    on_batch: Callable[[int], None]
    on_refusal: Callable[[], None]


@dataclass(eq=False, slots=True)
class _Waiting:
    content: bytes
    outcome: asyncio.Future[Predicted]


class Batcher:
    """Answers images in threads, each of which decodes a batch, image by image, then forwards it.

    There are as many threads as cores to keep busy, so a core has one thing to do at a time. An image is
    begun at once where a thread is free. Others wait, and the thread that begins next adds them to its
    batch as it decodes. Its batch closes when it is full, when its first image has waited its share, or when
    no other one is waiting.
    While threads are idle now and then, each leaves the others their part of what waits, to answer it sooner.
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
        # The event loop appends; it and the threads pop. Both are atomic.
        self._waiting: deque[_Waiting] = deque()
        cores = ThreadCores(settings.num_threads)
        self._threads = ThreadPoolExecutor(
            settings.num_threads, thread_name_prefix="batch", initializer=_prepare_thread, initargs=(cores,)
        )
        # Since when each free thread has been free; those that have been for longest are first.
        self._free_since = deque([0.0] * settings.num_threads)
        # Written by the event loop, read by threads.
        self._spare_until = 0.0
        self._in_flight: set[asyncio.Task[None]] = set()

    async def predict(self, content: bytes) -> Predicted:
        """Return the prediction for one image's bytes, and the image as it was prepared.

        Raises:
            BusyError: Too many images are waiting already.
            NotReadyError: No version is loaded yet.
            ImageError: The bytes can't be decoded.
        """
        with self.admission.hold(decoding_cost(content)):
            return await self._predict_one(content)

    async def predict_many(self, contents: Sequence[bytes]) -> list[Predicted | ImageError]:
        """Return one prediction, or what is wrong with the image, for each image's bytes.

        Raises:
            TooManyImagesError: They are too many, or too large together.
            BusyError: Too many images are waiting already; none of these was admitted.
            NotReadyError: No version is loaded yet.
        """

        async def predict_or_error(content: bytes) -> Predicted | ImageError:
            try:
                return await self._predict_one(content)
            except ImageError as error:
                return error

        with self.admission.hold(*map(decoding_cost, contents)):
            return await asyncio.gather(*(predict_or_error(content) for content in contents))

    async def close(self) -> None:
        """Answer the admitted images, then stop."""
        while self._in_flight:
            await asyncio.gather(*self._in_flight, return_exceptions=True)
        self._threads.shutdown(wait=False)

    async def _predict_one(self, content: bytes) -> Predicted:
        self._predictor.require()
        waiting = _Waiting(content, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        self._begin()
        return await waiting.outcome

    def _begin(self) -> None:
        """Set each free thread to work, as long as images wait."""
        while self._free_since and (first := self._next_waiting()) is not None:
            now = time.monotonic()
            if now - self._free_since.popleft() > _IDLE_SECONDS:
                self._spare_until = now + _SPARE_SECONDS
            task = asyncio.create_task(self._run_thread(first), name="batch")
            self._in_flight.add(task)
            task.add_done_callback(self._in_flight.discard)

    def _next_waiting(self) -> _Waiting | None:
        while True:
            try:
                waiting = self._waiting.popleft()
            except IndexError:
                return None
            # Done before it began: its client has gone.
            if not waiting.outcome.done():
                return waiting

    async def _run_thread(self, first: _Waiting) -> None:
        loop = asyncio.get_running_loop()
        try:
            await loop.run_in_executor(self._threads, self._work, first, loop)
        finally:
            self._free_since.append(time.monotonic())
        # For images that came after the thread saw none.
        self._begin()

    def _work(self, first: _Waiting, loop: asyncio.AbstractEventLoop) -> None:
        """Answer batch after batch until no image waits; called in a thread.

        The next batch begins without the event loop, which is busy when the core is wanted most.
        """
        waiting: _Waiting | None = first
        while waiting is not None:
            batch = [waiting]
            outcomes: Sequence[Predicted | Exception]
            try:
                outcomes = self._answer(batch)
            except Exception as error:  # noqa: BLE001  the boundary of a batch: each of its requests gets the error
                _log.exception("a batch of %d failed", len(batch))
                outcomes = [error] * len(batch)
            loop.call_soon_threadsafe(_resolve, batch, outcomes)
            waiting = self._next_waiting()

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
            if self._is_closed(len(batch), until) or (waiting := self._next_waiting()) is None:
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

    def _is_closed(self, num_images: int, until: float) -> bool:
        now = time.monotonic()
        has_its_part = num_images * self._settings.num_threads >= num_images + len(self._waiting)
        return (
            num_images >= self._settings.max_batch
            or now >= until
            or (has_its_part and now < self._spare_until)
        )


def _prepare_thread(cores: ThreadCores) -> None:
    lower_weight(BATCH_STEPS)
    cores.pin_this_thread()


def _resolve(batch: Sequence[_Waiting], outcomes: Sequence[Predicted | Exception]) -> None:
    for waiting, outcome in zip(batch, outcomes, strict=True):
        # Its client may have gone.
        if waiting.outcome.done():
            continue
        if isinstance(outcome, Exception):
            waiting.outcome.set_exception(outcome)
        else:
            waiting.outcome.set_result(outcome)
