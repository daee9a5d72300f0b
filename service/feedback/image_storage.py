"""Decodes, hashes and durably stores the image of a sample, before its row is written."""

import threading
from dataclasses import dataclass
from functools import partial

from store.blobs.blob_store import BlobStore
from vision.decoding import ImageLimits, decode_grey
from vision.perceptual_hash import perceptual_hash

# Twice what a few cores can decode at once: enough that none of them waits.
MAX_DECODING_THREADS = 4


@dataclass(frozen=True, slots=True)
class StoredImage:
    """An image whose bytes are stored.

    Attributes:
        sha256: Of the bytes; their name in the blob store.
        phash: The perceptual hash, signed, 64 bits.
    """

    sha256: str
    phash: int


class ImageStorage:
    """Decodes, hashes and stores images on the threads of the blob store, off the event loop."""

    def __init__(self, blobs: BlobStore, limits: ImageLimits) -> None:
        self._blobs = blobs
        self._limits = limits
        # Bounds how many images are held decoded.
        self._decoding = threading.Semaphore(MAX_DECODING_THREADS)

    async def store(self, content: bytes) -> StoredImage:
        """Store the bytes of an image durably.

        Raises:
            ImageError: They can't be decoded; nothing is stored.
            BlobsUnavailableError: The store can't be written.
        """
        return await self._blobs.in_thread(partial(self._store, content))

    async def hash_stored(self, sha256: str) -> int:
        """Make the bytes of a prediction durable, as a sample's have to be; return their perceptual hash.

        Raises:
            BlobMissingError: They are lost.
            ImageError: They can't be decoded.
        """
        return await self._blobs.in_thread(partial(self._hash_stored, sha256))

    def _store(self, content: bytes) -> StoredImage:
        phash = self._hash(content)
        return StoredImage(self._blobs.put(content), phash)

    def _hash_stored(self, sha256: str) -> int:
        phash = self._hash(self._blobs.get(sha256))
        self._blobs.flush(sha256)
        return phash

    def _hash(self, content: bytes) -> int:
        with self._decoding:
            return perceptual_hash(decode_grey(content, self._limits))
