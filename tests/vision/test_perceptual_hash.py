from collections.abc import Callable
from io import BytesIO

import imagehash
import numpy as np
from PIL import Image

from vision.perceptual_hash import perceptual_hash

Encode = Callable[..., bytes]


def noise(seed: int) -> Image.Image:
    coarse = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((96, 96), Image.Resampling.BICUBIC)


def distance(first: int, second: int) -> int:
    return ((first ^ second) & (1 << 64) - 1).bit_count()


def test_it_is_imagehashs_phash_as_a_signed_64_bit_integer() -> None:
    for seed in range(20):
        value = perceptual_hash(noise(seed))
        assert -(1 << 63) <= value < 1 << 63
        assert value % (1 << 64) == int(str(imagehash.phash(noise(seed))), 16)


def test_a_recompressed_or_resized_copy_is_near_and_another_picture_is_far(encode: Encode) -> None:
    for seed in range(10):
        original = perceptual_hash(noise(seed))
        compressed = Image.open(BytesIO(encode(noise(seed), "JPEG", quality=60)))
        assert distance(original, perceptual_hash(compressed)) <= 4
        assert distance(original, perceptual_hash(noise(seed).resize((64, 64)))) <= 4
        assert distance(original, perceptual_hash(noise(seed + 100))) > 10
