"""Follows the production alias: loads beside the live version, warms up, swaps, and reports."""

import asyncio
import logging
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from service.inference.predictor import LiveModel, Predictor, load_model
from service.inference.tuning import LOADER_STEPS, lower_weight
from store.blobs.blob_store import BlobStore
from store.database.database import Database, now
from store.errors import StoreError
from store.registry import production
from store.versions import Version, load_files
from store.workers import WorkerBeat, beat, forget_worker
from vision.engines.choice import EngineSettings

WARM_UP_BATCHES = (1, 4)
BEAT_SECONDS = 3.0
MAX_BACKOFF_SECONDS = 60.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SwapSettings:
    """How to follow the alias: seconds between looks, and what to run versions with."""

    poll_seconds: float
    engine: EngineSettings


@dataclass(frozen=True, slots=True)
class _Failure:
    version: str
    number: int
    retry_at: float


class HotSwap:
    """One worker's follower. A version that can't be loaded leaves the live one, and is tried again."""

    def __init__(
        self, database: Database, blobs: BlobStore, predictor: Predictor, settings: SwapSettings
    ) -> None:
        self._database = database
        self._blobs = blobs
        self._predictor = predictor
        self._settings = settings
        # Not BentoML's worker index, which a later process gets again.
        self._beat = WorkerBeat(uuid.uuid4().hex, None, None, None, settings.engine.device)
        self._loader = ThreadPoolExecutor(
            1, thread_name_prefix="loader", initializer=lower_weight, initargs=(LOADER_STEPS,)
        )
        self._task: asyncio.Task[None] | None = None
        self._failure: _Failure | None = None
        self._beat_at = 0.0

    def start(self) -> None:
        """Begin to follow, on the running event loop."""
        self._task = asyncio.create_task(self._run(), name="hot-swap")

    async def stop(self) -> None:
        """Stop following, and remove the heartbeat."""
        if self._task is None:
            return
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._loader.shutdown(wait=False)
        try:
            await self._database.write_async(lambda connection: forget_worker(connection, self._beat.id))
        except StoreError as error:
            _log.warning("the heartbeat could not be removed: %s", error)

    async def look(self) -> None:
        """Look at the alias once, swap if it moved, and write a heartbeat when one is due."""
        wanted = await self._database.read_async(production)
        live = self._predictor.live
        if wanted is None:
            self._predictor.obstacle = "there is no version yet; 'perennial train DIR' makes one"
        if wanted is not None and (live is None or live.version != wanted.version):
            await self._swap_to(wanted)
        elif self._failure is not None:
            # Production went back to what is live: there is nothing left to load.
            self._failure = None
            self._report(replace(self._beat, error=None))
        moment = asyncio.get_running_loop().time()
        if moment >= self._beat_at:
            if self._beat.version is not None and self._beat.since is None:
                self._beat = replace(self._beat, since=await self._database.read_async(now))
            self._beat_at = moment + BEAT_SECONDS
            due = self._beat
            await self._database.write_async(lambda connection: beat(connection, due))

    async def _run(self) -> None:
        while True:
            try:
                await self.look()
            except (StoreError, OSError) as error:
                self._predictor.obstacle = f"the production alias could not be read: {error}"
                _log.warning("the production alias could not be read, the live version stays: %s", error)
            except Exception:  # noqa: BLE001  the boundary of a background task: it looks again
                _log.exception("the look at the production alias failed, the live version stays")
            await asyncio.sleep(self._settings.poll_seconds)

    async def _swap_to(self, wanted: Version) -> None:
        loop = asyncio.get_running_loop()
        earlier = self._failure
        is_again = earlier is not None and earlier.version == wanted.version
        if earlier is not None and is_again and loop.time() < earlier.retry_at:
            return
        try:
            model = await loop.run_in_executor(self._loader, self._load, wanted)
        except Exception as error:  # noqa: BLE001  whatever is wrong with a version, the live one goes on
            number = earlier.number + 1 if earlier is not None and is_again else 1
            wait = min(2.0**number, MAX_BACKOFF_SECONDS)
            self._failure = _Failure(wanted.version, number, loop.time() + wait)
            self._predictor.obstacle = f"{wanted.version} could not be loaded: {error}"
            self._report(replace(self._beat, error=self._predictor.obstacle))
            _log.exception("version %s could not be loaded, the live one stays", wanted.version)
            return
        # The heartbeat reads the time: here, a read that fails would lose what was loaded.
        self._predictor.swap(model)
        self._failure = None
        self._report(replace(self._beat, version=wanted.version, since=None, error=None))
        _log.info("serving version %s with %s", wanted.version, model.engine.name)

    def _report(self, changed: WorkerBeat) -> None:
        self._beat = changed
        self._beat_at = 0.0

    def _load(self, version: Version) -> LiveModel:
        model = load_model(version.version, load_files(self._blobs, version), self._settings.engine)
        size = model.artifact.preprocessing.image_size
        # Beside a live version that answers requests, one image is enough to see that this one works.
        sizes = WARM_UP_BATCHES if self._predictor.live is None else WARM_UP_BATCHES[:1]
        for num_images in sizes:
            self._predictor.predict(model, [np.zeros((size, size, 3), dtype=np.uint8)] * num_images)
        return model
