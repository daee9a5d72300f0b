"""From a user's label to a durable sample."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from sqlalchemy import Connection

from service.admission import Admission
from service.errors import NotReadyError
from service.feedback.image_storage import ImageStorage
from service.feedback.naming import called
from service.inference.prediction_log import PredictionLog
from service.keys import Sender
from service.schemas import FeedbackBody, FeedbackRequest
from service.uploads import LabelledUpload
from store.blobs.blob_store import BlobStore
from store.database.database import Database
from store.database.shared_writes import SharedWrite
from store.errors import UnknownPredictionError
from store.predictions.prediction_ids import milliseconds_of
from store.predictions.predictions import LoggedPrediction, find_prediction
from store.samples.new_samples import NewSample
from store.samples.pending import num_pending
from store.samples.samples import FeedbackOutcome, add_samples
from store.samples.splits import SplitSettings
from store.versions import production_classes
from vision.formats.decoding_cost import decoding_cost
from vision.labels import clean_label

# Another worker may have answered the prediction, and writes it within a fraction of this.
OTHER_WORKER_SECONDS = 2.0
FRESH_MILLISECONDS = 30_000


@dataclass(frozen=True, slots=True)
class LabelledImage:
    """An image with its label, stored and about to become a sample."""

    sample: NewSample
    content: bytes


@dataclass(frozen=True, slots=True)
class Recorded:
    """What became of a label, and how many samples are pending then."""

    outcome: FeedbackOutcome
    num_pending: int


@dataclass(frozen=True, slots=True)
class FeedbackService:
    """Stores labels; what it returns is committed, so that it may be acknowledged."""

    database: Database
    blobs: BlobStore
    log: PredictionLog
    image_storage: ImageStorage
    split: SplitSettings
    # Bounds how many images wait here.
    admission: Admission
    on_outcome: Callable[[str, str], None]
    # `add_images`.
    add_image: SharedWrite[LabelledImage, Recorded]

    async def store(self, sent: FeedbackRequest | LabelledUpload, sender: Sender) -> FeedbackBody:
        """Store what was sent and return what became of it.

        Raises:
            LabelError: The label is empty, over-long or unprintable.
            UnknownPredictionError: There never was such a prediction.
            PredictionGoneError: It has expired or was deleted.
            BlobMissingError: Its image is lost.
            BusyError: Too many images are waiting already.
            ImageError: The image can't be decoded.
            NotReadyError: There is no production version yet.
        """
        if isinstance(sent, LabelledUpload):
            recorded = await self._with_image(sent, sender)
        else:
            recorded = await self._on_prediction(sent.prediction_id, sent.label, sender)
        outcome = recorded.outcome
        self.on_outcome(sender.source, outcome.status)
        return FeedbackBody(
            sample_id=outcome.sample_id,
            status=outcome.status,
            num_pending=recorded.num_pending,
            nearest_class=outcome.nearest_class,
        )

    async def _on_prediction(self, prediction_id: str, label: str, sender: Sender) -> Recorded:
        label = clean_label(label)
        sha256 = (await self.find(prediction_id)).sha256
        # Not when it was answered: few answers are ever labelled.
        phash = await self.image_storage.hash_stored(sha256)

        def work(connection: Connection) -> Recorded:
            # Read inside the write: from here on its bytes can't be collected meanwhile.
            logged = find_prediction(connection, prediction_id)
            new = NewSample(
                sha256=logged.sha256,
                phash=phash,
                origin="volunteered",
                source=sender.source,
                label=label,
                is_trusted=sender.is_trusted,
                group=logged.group,
                prediction_id=logged.id,
                predicted_label=logged.label,
            )
            [recorded] = _add(connection, [new], self.split)
            return recorded

        return await self.database.write_async(work)

    async def _with_image(self, sent: LabelledUpload, sender: Sender) -> Recorded:
        label = clean_label(sent.label)
        with self.admission.hold(decoding_cost(sent.content)):
            # The bytes first, then the row that names them: a row without bytes must never be.
            stored = await self.image_storage.store(sent.content)
            new = NewSample(
                sha256=stored.sha256,
                phash=stored.phash,
                origin="direct",
                source=sender.source,
                label=label,
                is_trusted=sender.is_trusted,
                group=sent.group,
            )
            return await self.add_image(LabelledImage(new, sent.content))

    async def find(self, prediction_id: str) -> LoggedPrediction:
        """Return a prediction, once the worker that answered it has written it down.

        Raises:
            UnknownPredictionError: There never was such a prediction.
            PredictionGoneError: It has expired or was deleted, or could not be written.
            StoreError: The store can't be used now.
        """
        refuse_malformed_id(prediction_id)
        await self.log.written(prediction_id)
        until = time.monotonic() + OTHER_WORKER_SECONDS
        while True:
            try:
                return await self.database.read_async(partial(find_prediction, prediction_id=prediction_id))
            except UnknownPredictionError:
                self.log.check_lost(prediction_id)
                if not _is_fresh(prediction_id) or time.monotonic() > until:
                    raise
                await asyncio.sleep(0.05)


def add_images(
    blobs: BlobStore, split: SplitSettings, connection: Connection, images: Sequence[LabelledImage]
) -> list[Recorded]:
    """Add the samples of images that were put.

    Raises:
        BlobsUnavailableError: The store can't be read or written.
        NotReadyError: There is no production version yet.
    """
    # A deletion of the same picture since deleted its bytes.
    blobs.ensure({image.sample.sha256: image.content for image in images})
    return _add(connection, [image.sample for image in images], split)


def refuse_malformed_id(prediction_id: str) -> None:
    """Raise unless a prediction could have that id.

    Raises:
        UnknownPredictionError: None can.
    """
    if milliseconds_of(prediction_id) is None:
        raise UnknownPredictionError(
            f"Expected the prediction_id of an answer, found {prediction_id[:80]!r}, which is none."
        )


def _add(connection: Connection, arrived: Sequence[NewSample], split: SplitSettings) -> list[Recorded]:
    class_names = production_classes(connection)
    if class_names is None:
        raise NotReadyError("Expected a production version, whose classes a label can name; there is none.")
    names = called([new.label for new in arrived], class_names, connection)
    named = [replace(new, label=name) for new, name in zip(arrived, names, strict=True)]
    outcomes = add_samples(connection, named, class_names, split)
    num_now = num_pending(connection)
    return [Recorded(outcome, num_now) for outcome in outcomes]


def _is_fresh(prediction_id: str) -> bool:
    made = milliseconds_of(prediction_id)
    return made is not None and abs(time.time() * 1000 - made) < FRESH_MILLISECONDS
