"""What becomes of an image that is to be a sample, before its row: decoded, hashed and stored durably."""

import threading
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial

from store.blobs import BlobStore
from vision.decoding import ImageLimits, decode_grey
from vision.perceptual_hash import perceptual_hash

# Twice what a few cores can decode at once: enough that none of them waits.
MAX_DECODING_THREADS = 4


@dataclass(frozen=True, slots=True)
class TakenIn:
    """An image whose bytes are stored.

    Attributes:
        sha256: Of the bytes; their name in the blob store.
        phash: The perceptual hash, signed, 64 bits.
    """

    sha256: str
    phash: int


def take_in(
    content: bytes,
    limits: ImageLimits,
    blobs: BlobStore,
    decoding: AbstractContextManager[object] | None = None,
) -> TakenIn:
    """Store bytes that can be decoded.

    Args:
        content: An encoded image.
        limits: What it may cost.
        blobs: Where it goes.
        decoding: Held while the image is decoded.

    Raises:
        ImageError: They can't be; nothing is stored.
        BlobsUnavailableError: The store can't be written.
    """
    with decoding or nullcontext():
        phash = _hash(content, limits)
    return TakenIn(blobs.put(content), phash)


class IntakeThreads:
    """Takes images in on the threads of the blob store, some of them decoding at once."""

    def __init__(self, blobs: BlobStore, limits: ImageLimits) -> None:
        self._blobs = blobs
        self._limits = limits
        # Bounds how many images are held decoded.
        self._decoding = threading.Semaphore(MAX_DECODING_THREADS)

    async def take(self, content: bytes) -> TakenIn:
        """Store bytes that can be decoded; see `take_in` for the errors."""
        work = partial(take_in, content, self._limits, self._blobs, self._decoding)
        return await self._blobs.in_thread(work)

    async def hash_stored(self, sha256: str) -> int:
        """Make the bytes of a prediction durable, as a sample's have to be; return their perceptual hash.

        Raises:
            BlobMissingError: They are lost.
            ImageError: They can't be decoded.
        """
        return await self._blobs.in_thread(partial(self._hash_stored, sha256))

    def _hash_stored(self, sha256: str) -> int:
        content = self._blobs.get(sha256)
        with self._decoding:
            phash = _hash(content, self._limits)
        self._blobs.flush(sha256)
        return phash


def _hash(content: bytes, limits: ImageLimits) -> int:
    return perceptual_hash(decode_grey(content, limits))
