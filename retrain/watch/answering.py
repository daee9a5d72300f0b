"""The predecessor's answers to what production is asked, in a process of their own."""

import logging
import time
from collections.abc import Callable
from functools import partial

import torch
from sqlalchemy import Connection

from retrain.dataset import Item, StoredImages
from retrain.watch.pages import next_page
from retrain.watch.votes import Votes
from store.blobs.blob_store import BlobStore
from store.database.database import Database
from store.errors import BlobMissingError
from store.evidence.watch_images import (
    AnsweredImage,
    LoggedAnswer,
    LogPage,
    add_images,
    answered_groups,
    answered_images,
)
from store.evidence.watches import Watch, current_watch
from store.versions import Version, find_version, load_files
from vision.artifact import describe
from vision.augmentation import augmented
from vision.decoding import ImageLimits, decode_grey
from vision.engines.choice import EngineSettings, load_engine
from vision.errors import ImageError
from vision.evaluation import evaluate
from vision.image_set import PreparedImages
from vision.perceptual_hash import perceptual_hash

log = logging.getLogger(__name__)

_POLL_SECONDS = 2.0

Answer = Callable[[LoggedAnswer], AnsweredImage | None]


class Predecessor:
    """Answers images as the version before production would, in the form in which it was served.

    Args:
        version: The version before production.
        blobs: Where its files and the images lie.
        engines: How versions are run; as in serving.
        limits: What one image may cost.

    Raises:
        VersionRetiredError: Its files were dropped.
        BlobMissingError: A file of it is gone.
        CorruptArtifactError: Its files are broken.
    """

    def __init__(
        self, version: Version, blobs: BlobStore, engines: EngineSettings, limits: ImageLimits
    ) -> None:
        files = load_files(blobs, version)
        self._artifact = describe(files)
        self._engine = load_engine(self._artifact, files, engines)
        self._blobs = blobs
        self._limits = limits

    def answer(self, logged: LoggedAnswer) -> AnsweredImage | None:
        """Return both answers to an image; None where it can't be read, or an answer is no number."""
        stored = StoredImages([Item(logged.sha256, 0)], self._blobs)
        images = PreparedImages(stored, augmented(self._artifact.preprocessing, "none"), self._limits)
        try:
            logits, _ = evaluate(self._engine, images)
            phash = perceptual_hash(decode_grey(self._blobs.get(logged.sha256), self._limits))
        except (BlobMissingError, ImageError) as error:
            log.info("the predecessor did not answer an image: %s", error)
            return None
        if not torch.isfinite(logits).all():
            return None
        label = self._artifact.class_names[int(logits.argmax())]
        return AnsweredImage(logged.sha256, phash, logged.label, label)


def answer_log(
    database: Database, watch_id: int, answer: Answer, *, linger_seconds: float, rest: Callable[[], None]
) -> None:
    """Answer what production answered since its promotion, until the watch ends or nothing comes for a while.

    Args:
        database: Where the log is and the answers go.
        watch_id: The watch.
        answer: Returns both answers to an image, where the predecessor has one.
        linger_seconds: How long to wait for more, since it takes seconds to start again.
        rest: Called after each image.

    Raises:
        FencedError: The database is fenced, and the lease has gone.
    """
    with database.read() as connection:
        votes = Votes(answered_images(connection, watch_id), answered_groups(connection, watch_id))
    until = time.monotonic() + linger_seconds
    while time.monotonic() < until:
        with database.read() as connection:
            watch = current_watch(connection)
            page = None if watch is None else next_page(connection, watch)
        if watch is None or page is None or watch.id != watch_id:
            return
        images, others = _answer_page(page, answer, votes, rest)
        if page.read_until > watch.read_until:
            database.write(partial(_store, watch=watch, images=images, others=others, page=page))
        if images:
            until = time.monotonic() + linger_seconds
        elif page.is_last:
            time.sleep(_POLL_SECONDS)


def predecessor_of(connection: Connection, watch_id: int) -> Version | None:
    """Return the version that answers for a watch; None where the watch has ended."""
    watch = current_watch(connection)
    return None if watch is None or watch.id != watch_id else find_version(connection, watch.predecessor)


def _answer_page(
    page: LogPage, answer: Answer, votes: Votes, rest: Callable[[], None]
) -> tuple[list[AnsweredImage], list[str]]:
    """Return the images that have a vote, and the SHA-256s of those that have none."""
    images, others = [], []
    for logged in page.answers:
        image = None if votes.is_of_known_group(logged) else answer(logged)
        if image is not None and votes.give(logged, image):
            images.append(image)
        else:
            others.append(logged.sha256)
        rest()
    return images, others


def _store(
    connection: Connection, watch: Watch, images: list[AnsweredImage], others: list[str], page: LogPage
) -> None:
    # Production may have moved since the page was read.
    current = current_watch(connection)
    if current is not None and current.id == watch.id:
        add_images(connection, watch, images, page.read_until, others)
