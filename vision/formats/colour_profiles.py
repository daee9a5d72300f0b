"""Converts a picture in the colours of its own profile, such as a phone's, to sRGB."""

from functools import lru_cache
from io import BytesIO

import numpy as np
from PIL import Image, ImageCms

# Profiles of three colours are some kilobytes; larger ones are for presses.
_MAX_PROFILE_BYTES = 1024 * 1024
# Most profiles are sRGB's: one that changes no colour by more levels than this is not applied.
_MAX_ROUNDING = 2
_LEVELS = (0, 64, 128, 192, 255)


def in_srgb(image: Image.Image, profile: object, min_pixels: int) -> Image.Image:
    """Return an RGB image in sRGB.

    Converting takes longer than decoding, so a large image is shrunk first, by a whole factor.

    Args:
        image: Of mode RGB.
        profile: The ICC profile that came with it. None, one that is broken, and one of other inks than
            three colours leave the image as it is.
        min_pixels: What both sides of a shrunk image keep.
    """
    if not isinstance(profile, bytes) or not 0 < len(profile) <= _MAX_PROFILE_BYTES:
        return image
    transform = _transform_of(profile)
    if transform is None:
        return image
    return transform.apply(image.reduce(max(1, min(image.size) // min_pixels)))


# A camera gives all its pictures one profile.
@lru_cache(maxsize=16)
def _transform_of(profile: bytes) -> ImageCms.ImageCmsTransform | None:
    """Return the transform from a profile to sRGB, or None if it can't be applied or would change nothing."""
    try:
        own = ImageCms.ImageCmsProfile(BytesIO(profile))
        if own.profile.xcolor_space.strip() != "RGB":
            return None
        srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
        intent = ImageCms.Intent.RELATIVE_COLORIMETRIC
        transform = ImageCms.ImageCmsTransform(own, srgb, "RGB", "RGB", intent)
    except (ImageCms.PyCMSError, OSError, ValueError):
        return None
    lattice = np.stack(np.meshgrid(_LEVELS, _LEVELS, _LEVELS), axis=-1).reshape(-1, 1, 3).astype(np.uint8)
    converted = np.asarray(transform.apply(Image.fromarray(lattice)))
    change = np.abs(converted.astype(int) - lattice.astype(int)).max()
    return transform if change > _MAX_ROUNDING else None
