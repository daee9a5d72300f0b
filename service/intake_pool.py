"""Images that become samples, taken in beside the serving process where many come at once."""

import asyncio
import logging
from collections import deque
from collections.abc import Sequence

from service.errors import BusyError
from service.intake import IntakeThreads, TakenIn
from service.intake_process import COMMAND, IntakeProcess, ProcessEndedError, ProcessGoneError
from store.blobs import BlobStore
from store.errors import BlobsUnavailableError
from vision.decoding import ImageLimits
from vision.errors import ImageError, UndecodableImageError

IDLE_SECONDS = 60.0
RETRY_SECONDS = 60.0
# The second process that dies over an image dies of it.
_MAX_DEATHS = 2

_log = logging.getLogger(__name__)


class IntakePool:
    """Takes images in on threads, and in processes as soon as more come at once than there are of those.

    Threads take turns at one interpreter: with sixteen senders a third of two cores was idle (ADR 14).
    Processes take memory and some time to start, so they are there only while they are of use, and whatever
    no process is there for is done by threads. For one event loop.
    """

    def __init__(
        self,
        blobs: BlobStore,
        limits: ImageLimits,
        num_processes: int,
        *,
        idle_seconds: float = IDLE_SECONDS,
        command: Sequence[str] = COMMAND,
    ) -> None:
        """Start nothing yet.

        Args:
            blobs: Where bytes go; one that other processes can't reach is left to threads.
            limits: What one image may cost.
            num_processes: At most; 0 leaves all to threads.
            idle_seconds: Without an image, after which the processes end.
            command: What starts a process.
        """
        self.threads = IntakeThreads(blobs, limits)
        self._num_wanted = num_processes if blobs.is_shared else 0
        self._arguments = (blobs.url, str(limits.max_image_bytes), str(limits.max_pixels))
        self._idle_seconds = idle_seconds
        self._command = command
        self._num_asking = 0
        self._num_alive = 0
        self._free: list[IntakeProcess] = []
        self._waiting: deque[asyncio.Future[IntakeProcess | None]] = deque()
        self._starting: asyncio.Task[None] | None = None
        self._starts_from = 0.0
        self._last_given = 0.0
        self._idle_watch: asyncio.TimerHandle | None = None
        self._ending: set[asyncio.Task[None]] = set()

    @property
    def pids(self) -> list[int]:
        """The processes that have nothing to do."""
        return [process.pid for process in self._free]

    async def take(self, content: bytes) -> TakenIn:
        """Store bytes that can be decoded.

        Raises:
            ImageError: They can't be, or two processes ended over them.
            BusyError: A process ended over them, and there is no other; they may be sent again.
            BlobsUnavailableError: The store can't be written.
        """
        self._num_asking += 1
        try:
            if self._num_asking > self._num_wanted > self._num_alive:
                self._start_missing()
            taken = await self._take_in_process(content)
            return await self.threads.take(content) if taken is None else taken
        finally:
            self._num_asking -= 1

    async def stop(self) -> None:
        """End the processes."""
        self._num_wanted = 0
        if self._starting is not None:
            self._starting.cancel()
            await asyncio.wait([self._starting])
        self._end_free()
        if self._ending:
            await asyncio.wait(self._ending)

    async def _take_in_process(self, content: bytes) -> TakenIn | None:
        """Return what a process made of the image; None where there is none to ask."""
        num_deaths = 0
        while num_deaths < _MAX_DEATHS:
            process = await self._next()
            if process is None and num_deaths > 0:
                raise BusyError("Expected another process to try the image in; there is none yet.")
            if process is None:
                return None
            try:
                taken = await process.take(content)
            except (ImageError, BlobsUnavailableError):
                self._give(process)
                raise
            except ProcessEndedError as error:
                _log.warning("%s", error)
                self._end(process)
                # One that was gone before says nothing about the image.
                num_deaths += not isinstance(error, ProcessGoneError)
            except BaseException:
                # Cancelled: the next image would be told this one's answer.
                self._end(process)
                raise
            else:
                self._give(process)
                return taken
        raise UndecodableImageError(
            "The image can't be decoded: two processes that tried ended. Save it again and retry."
        )

    async def _next(self) -> IntakeProcess | None:
        if self._free:
            return self._free.pop()
        if self._num_alive == 0 or self._num_alive < self._num_wanted:
            return None
        waits: asyncio.Future[IntakeProcess | None] = asyncio.get_running_loop().create_future()
        self._waiting.append(waits)
        try:
            return await waits
        except asyncio.CancelledError:
            if waits.done() and not waits.cancelled() and (process := waits.result()) is not None:
                self._give(process)
            raise

    def _give(self, process: IntakeProcess | None) -> None:
        """Hand a process to who waits longest; None tells them that there is none."""
        self._last_given = asyncio.get_running_loop().time()
        while self._waiting:
            waits = self._waiting.popleft()
            if not waits.done():
                waits.set_result(process)
                return
        if process is not None:
            self._free.append(process)

    def _start_missing(self) -> None:
        is_starting = self._starting is not None and not self._starting.done()
        if not is_starting and asyncio.get_running_loop().time() >= self._starts_from:
            self._starting = asyncio.create_task(self._start(), name="intake-start")

    async def _start(self) -> None:
        # One after the other: the cores are busy already.
        loop = asyncio.get_running_loop()
        try:
            while self._num_alive < self._num_wanted:
                process = await IntakeProcess.start(self._arguments, self._command)
                self._num_alive += 1
                self._give(process)
        except ProcessEndedError as error:
            _log.warning("%s Threads take images in meanwhile.", error)
            self._starts_from = loop.time() + RETRY_SECONDS
        if self._idle_watch is None and self._num_alive:
            self._idle_watch = loop.call_later(self._idle_seconds, self._end_if_idle)

    def _end_if_idle(self) -> None:
        loop = asyncio.get_running_loop()
        left = self._last_given + self._idle_seconds - loop.time()
        if self._num_asking == 0 and left <= 0:
            self._end_free()
        else:
            self._idle_watch = loop.call_later(max(left, 0.1), self._end_if_idle)

    def _end_free(self) -> None:
        if self._idle_watch is not None:
            self._idle_watch.cancel()
            self._idle_watch = None
        while self._free:
            self._end(self._free.pop())

    def _end(self, process: IntakeProcess) -> None:
        self._num_alive -= 1
        task = asyncio.create_task(process.end(), name="intake-end")
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)
        if self._num_alive == 0:
            for _ in range(len(self._waiting)):
                self._give(None)
