"""Hashes stored images, so that near-duplicates are found among those that are no samples."""

import logging
from collections.abc import Iterable

from store.blobs.blob_store import BlobStore
from store.errors import BlobMissingError
from vision.decoding import ImageLimits, decode_grey
from vision.errors import ImageError
from vision.perceptual_hash import perceptual_hash

log = logging.getLogger(__name__)


def hashes_of(blobs: BlobStore, sha256s: Iterable[str], limits: ImageLimits) -> dict[str, int]:
    """Return SHA-256 → perceptual hash, in their order; images that can't be read are left out."""
    hashes = {}
    for sha256 in sha256s:
        try:
            hashes[sha256] = perceptual_hash(decode_grey(blobs.get(sha256), limits))
        except (BlobMissingError, ImageError) as error:
            log.warning("an image of the log is left out: %s", error)
    return hashes
