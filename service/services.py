"""The parts of one serving process, put together; they start and stop with it."""

import asyncio
import logging
from dataclasses import dataclass
from functools import partial

from monitoring.metrics import Exposition, ServiceMetrics
from service.admission import Admission
from service.feedback.feedback_service import FeedbackService, add_images
from service.feedback.image_storage import ImageStorage
from service.feedback.queue_service import QueueService
from service.inference.batching import Batcher, BatchHooks
from service.inference.hot_swap import HotSwap, SwapSettings
from service.inference.images import preparer
from service.inference.prediction_log import PredictionLog
from service.inference.prediction_service import PredictionService
from service.inference.predictor import Predictor
from service.inference.readiness import Readiness
from service.settings import ServiceSettings
from store.blobs.blob_store import BlobStore
from store.database.database import Database
from store.database.shared_writes import SharedWrite
from vision.device import resolve_device
from vision.engines.choice import EngineSettings
from vision.engines.openvino_engine import Threads

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Collaborators:
    """What the services are given: the store, and the instruments of this process."""

    database: Database
    blobs: BlobStore
    metrics: ServiceMetrics
    exposition: Exposition


@dataclass(frozen=True, slots=True)
class Services:
    """Everything that the routes call."""

    settings: ServiceSettings
    device: str
    database: Database
    blobs: BlobStore
    metrics: ServiceMetrics
    exposition: Exposition
    predictor: Predictor
    batcher: Batcher
    log: PredictionLog
    predictions: PredictionService
    feedback: FeedbackService
    queue: QueueService
    hot_swap: HotSwap
    readiness: Readiness

    async def start(self) -> None:
        """Begin to follow the production alias, on the running event loop."""
        self.hot_swap.start()

    async def stop(self) -> None:
        """Answer the admitted images, write what is left of the log, then close."""
        self.readiness.end()
        await self.hot_swap.stop()
        await self.batcher.close()
        await self.log.close()
        await asyncio.to_thread(self.database.close)
        await asyncio.to_thread(self.blobs.close)


def build_services(collaborators: Collaborators, settings: ServiceSettings) -> Services:
    """Put one process's services together; nothing is started or loaded yet."""
    device = resolve_device(settings.device)
    predictor = Predictor()
    batcher = Batcher(
        predictor,
        preparer(settings.limits),
        settings.batch,
        BatchHooks(collaborators.metrics.observe_batch, collaborators.metrics.count_rejection),
    )
    log = PredictionLog(
        collaborators.database, collaborators.blobs, settings.split, collaborators.metrics.count_log_error
    )
    image_storage = ImageStorage(collaborators.blobs, settings.limits)
    return Services(
        settings=settings,
        device=device,
        database=collaborators.database,
        blobs=collaborators.blobs,
        metrics=collaborators.metrics,
        exposition=collaborators.exposition,
        predictor=predictor,
        batcher=batcher,
        log=log,
        predictions=PredictionService(batcher, log),
        feedback=FeedbackService(
            database=collaborators.database,
            blobs=collaborators.blobs,
            log=log,
            image_storage=image_storage,
            split=settings.split,
            admission=Admission(settings.batch.max_queue, collaborators.metrics.count_rejection),
            on_outcome=collaborators.metrics.count_feedback,
            add_image=SharedWrite(
                collaborators.database, partial(add_images, collaborators.blobs, settings.split)
            ),
        ),
        queue=QueueService(
            collaborators.database,
            collaborators.blobs,
            image_storage,
            settings.split,
            collaborators.metrics.count_feedback,
        ),
        hot_swap=HotSwap(
            collaborators.database,
            collaborators.blobs,
            predictor,
            SwapSettings(
                settings.poll_seconds,
                EngineSettings(
                    settings.engine,
                    settings.precision,
                    device,
                    # A batch thread is a call at a time, on one core.
                    Threads(settings.batch.num_threads, settings.batch.num_threads),
                ),
            ),
        ),
        readiness=Readiness(predictor, collaborators.database),
    )
