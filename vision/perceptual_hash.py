"""A 64-bit perceptual hash, by which near-duplicates are found."""

import imagehash
from PIL import Image


def perceptual_hash(image: Image.Image) -> int:
    """Return the image's perceptual hash as a signed 64-bit integer (what an SQL bigint holds).

    Two images are near-duplicates when few bits of their hashes differ.

    Source:
        `phash` of the imagehash library: the signs of the 8×8 lowest DCT frequencies against their median.
    """
    bits = int(str(imagehash.phash(image)), 16)
    return bits - (1 << 64) if bits >= 1 << 63 else bits
