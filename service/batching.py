"""The micro-batcher: requests that wait at the same time share one forward pass."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from service.admission import Admission
from service.images import Prepare, Prepared
from service.predictor import Prediction, Predictor
from service.settings import BatchSettings
from vision.errors import ImageError
from vision.preprocessing import Preprocessing

_log = logging.getLogger(__name__)

Predicted = tuple[Prediction, Prepared]


@dataclass(frozen=True, slots=True)
class BatchHooks:
    """What is told of batches: the size of each, and each time images were refused."""

    on_batch: Callable[[int], None]
    on_refusal: Callable[[], None]


@dataclass(eq=False, slots=True)
class _Waiting:
    content: bytes
    prepared: Prepared
    preprocessing: Preprocessing
    since: float
    outcome: asyncio.Future[Prediction]


class Batcher:
    """Decodes in a pool, then answers in batches; the next one fills while others are in flight.

    As many batches are in flight as there are lanes, each on a core of its own: one process with one copy of
    the network keeps all of them busy, and no image waits for one worker while another has nothing to do.

    A batch closes when a lane is free and it is full, its oldest image has waited its share, or no other
    image is being decoded. A request whose client has gone is dropped before the forward pass.
    """

    def __init__(
        self, predictor: Predictor, prepare: Prepare, settings: BatchSettings, hooks: BatchHooks
    ) -> None:
        self._predictor = predictor
        self._prepare = prepare
        self._settings = settings
        self._hooks = hooks
        self._waiting: deque[_Waiting] = deque()
        self._decoders = ThreadPoolExecutor(settings.decode_threads, thread_name_prefix="decode")
        self._forward = ThreadPoolExecutor(settings.lanes, thread_name_prefix="forward")
        self._free_lanes = asyncio.Semaphore(settings.lanes)
        self._in_flight: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()
        self._admission = Admission(settings.max_queue, hooks.on_refusal)
        self._num_decoding = 0
        self._task: asyncio.Task[None] | None = None

    async def predict(self, content: bytes) -> Predicted:
        """Return the prediction for one image's bytes, and the image as it was prepared.

        Raises:
            BusyError: Too many images are waiting already.
            NotReadyError: No version is loaded yet.
            ImageError: The bytes can't be decoded.
        """
        with self._admission.of(1):
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

        with self._admission.of(len(contents)):
            return await asyncio.gather(*(predict_or_tell(content) for content in contents))

    async def close(self) -> None:
        """Finish the batches that are under way, then stop."""
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)
        await asyncio.gather(*self._in_flight, return_exceptions=True)
        self._decoders.shutdown(wait=False, cancel_futures=True)
        self._forward.shutdown(wait=False)

    async def _predict_one(self, content: bytes) -> Predicted:
        preprocessing = self._predictor.require().artifact.preprocessing
        prepared = await self._decode(content, preprocessing)
        loop = asyncio.get_running_loop()
        waiting = _Waiting(content, prepared, preprocessing, loop.time(), loop.create_future())
        self._waiting.append(waiting)
        self._changed.set()
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name="batcher")
        return await waiting.outcome, prepared

    async def _decode(self, content: bytes, preprocessing: Preprocessing) -> Prepared:
        loop = asyncio.get_running_loop()
        self._num_decoding += 1
        try:
            return await loop.run_in_executor(self._decoders, self._prepare, content, preprocessing)
        finally:
            self._num_decoding -= 1
            self._changed.set()

    async def _run(self) -> None:
        while self._waiting:
            await self._free_lanes.acquire()
            await self._fill(self._waiting[0].since + self._settings.wait_seconds)
            if batch := self._take():
                task = asyncio.create_task(self._answer(batch), name="batch")
                self._in_flight.add(task)
                task.add_done_callback(self._land)
            else:
                self._free_lanes.release()

    def _land(self, task: asyncio.Task[None]) -> None:
        self._in_flight.discard(task)
        self._free_lanes.release()

    async def _fill(self, until: float) -> None:
        while len(self._waiting) < self._settings.max_batch and self._num_decoding > 0:
            self._changed.clear()
            try:
                async with asyncio.timeout_at(until):
                    await self._changed.wait()
            except TimeoutError:
                return

    def _take(self) -> list[_Waiting]:
        batch: list[_Waiting] = []
        while self._waiting and len(batch) < self._settings.max_batch:
            waiting = self._waiting.popleft()
            # Done before it began: its client has gone.
            if not waiting.outcome.done():
                batch.append(waiting)
        return batch

    async def _answer(self, batch: list[_Waiting]) -> None:
        loop = asyncio.get_running_loop()
        try:
            predictions = await loop.run_in_executor(self._forward, self._predict, batch)
        except Exception as error:  # noqa: BLE001  the boundary of a batch: each of its requests is told
            _log.exception("a batch of %d failed", len(batch))
            for waiting in batch:
                if not waiting.outcome.done():
                    waiting.outcome.set_exception(error)
            return
        self._hooks.on_batch(len(batch))
        for waiting, prediction in zip(batch, predictions, strict=True):
            if not waiting.outcome.done():
                waiting.outcome.set_result(prediction)

    def _predict(self, batch: list[_Waiting]) -> list[Prediction]:
        # Read once: a swap during the batch must not mix two versions.
        model = self._predictor.require()
        wanted = model.artifact.preprocessing
        tensors = [
            waiting.prepared.tensor
            if waiting.preprocessing == wanted
            else self._prepare(waiting.content, wanted).tensor  # decoded for the version before the swap
            for waiting in batch
        ]
        return self._predictor.predict(model, tensors)
