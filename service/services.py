"""The parts of one serving process, put together; they start and stop with it."""

import asyncio
import logging
from dataclasses import dataclass
from functools import partial

from monitoring.metrics import Exposition, ServiceMetrics
from service.admission import Admission
from service.batching import Batcher, BatchHooks
from service.feedback import FeedbackDesk, add_images
from service.hot_swap import HotSwap, SwapSettings
from service.images import preparer
from service.intake import Intake
from service.predicting import PredictionDesk
from service.prediction_log import PredictionLog
from service.predictor import Predictor
from service.readiness import Readiness
from service.settings import ServiceSettings
from store.blobs import BlobStore
from store.database import Database
from store.shared_writes import SharedWrite
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
    predictions: PredictionDesk
    feedback: FeedbackDesk
    hot_swap: HotSwap
    readiness: Readiness

    async def start(self) -> None:
        """Begin to follow the production alias, on the running event loop."""
        self.hot_swap.start()

    async def stop(self) -> None:
        """Finish what was taken in, write what is left of the log, then close."""
        self.readiness.end()
        await self.hot_swap.stop()
        await self.batcher.close()
        await self.log.close()
        await asyncio.to_thread(self.database.close)
        await asyncio.to_thread(self.blobs.close)


def build_services(given: Collaborators, settings: ServiceSettings) -> Services:
    """Put one process's services together; nothing is started or loaded yet."""
    device = resolve_device(settings.device)
    predictor = Predictor()
    batcher = Batcher(
        predictor,
        preparer(settings.limits),
        settings.batch,
        BatchHooks(given.metrics.observe_batch, given.metrics.count_rejection),
    )
    log = PredictionLog(given.database, given.blobs, given.metrics.count_log_error)
    return Services(
        settings=settings,
        device=device,
        database=given.database,
        blobs=given.blobs,
        metrics=given.metrics,
        exposition=given.exposition,
        predictor=predictor,
        batcher=batcher,
        log=log,
        predictions=PredictionDesk(batcher, log, settings.audit_fraction),
        feedback=FeedbackDesk(
            database=given.database,
            blobs=given.blobs,
            log=log,
            intake=Intake(given.blobs, settings.limits),
            split=settings.split,
            admission=Admission(settings.batch.max_queue, given.metrics.count_rejection),
            on_outcome=given.metrics.count_feedback,
            add_image=SharedWrite(given.database, partial(add_images, given.blobs, settings.split)),
        ),
        hot_swap=HotSwap(
            given.database,
            given.blobs,
            predictor,
            SwapSettings(
                settings.poll_seconds,
                EngineSettings(
                    settings.engine,
                    settings.precision,
                    device,
                    # A lane is a call at a time, on one core.
                    Threads(settings.batch.lanes, settings.batch.lanes),
                ),
            ),
        ),
        readiness=Readiness(predictor),
    )
