"""Opens pictures in ISO containers: AVIF, and HEIC where its reader is installed."""

import importlib
from io import BytesIO
from typing import Literal

from PIL import AvifImagePlugin
from PIL.ImageFile import ImageFile

from vision.errors import NotAnImageError

ContainerFormat = Literal["avif", "heic"]

_BRANDS: dict[bytes, ContainerFormat] = {
    b"avif": "avif",
    b"avis": "avif",
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx"), "heic"),
}
# A container of pictures names a handful of brands.
_MAX_BRANDS_BYTES = 256


def container_format(content: bytes) -> ContainerFormat | None:
    """Return the format that a container's brands name, or None if it is no container of pictures."""
    if content[4:8] != b"ftyp":
        return None
    end = min(int.from_bytes(content[:4], "big"), _MAX_BRANDS_BYTES)
    # The major brand, its version, and the compatible brands.
    brands = (content[start : start + 4] for start in (8, *range(16, end, 4)))
    return next((_BRANDS[brand] for brand in brands if brand in _BRANDS), None)


def open_avif(file: BytesIO) -> ImageFile:
    """Read the header of an AVIF.

    Raises:
        NotAnImageError: This build of Pillow can't read any.
    """
    if not AvifImagePlugin.SUPPORTED:
        raise NotAnImageError(
            "Expected a JPEG, PNG or WebP, got an AVIF, which the Pillow installed here can't read. Convert "
            "it to JPEG, or install Pillow from its wheel."
        )
    return AvifImagePlugin.AvifImageFile(file)


def open_heic(file: BytesIO) -> ImageFile:
    """Read the header of a HEIC.

    Raises:
        NotAnImageError: pi-heif is not installed.
    """
    try:
        reader = importlib.import_module("pi_heif")
    except ImportError as error:
        raise NotAnImageError(
            "Expected a JPEG, PNG, WebP or AVIF, got a HEIC, whose reader is not installed here. Convert it "
            "to JPEG, or run on this machine: pip install 'perennial[heic]'"
        ) from error
    image: ImageFile = reader.HeifImageFile(file)
    return image
