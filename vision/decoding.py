"""Decodes an image's bytes to an upright 8-bit RGB image, or refuses them with a reason."""

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from typing import Literal

import numpy as np
from PIL import Image, ImageChops
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.WebPImagePlugin import WebPImageFile

from vision.errors import (
    EmptyImageError,
    NotAnImageError,
    TooManyBytesError,
    TooManyPixelsError,
    UndecodableImageError,
)
from vision.formats.colour_profiles import in_srgb
from vision.formats.containers import container_format, open_avif, open_heic
from vision.formats.foreign_bytes import kind_of_foreign_bytes
from vision.formats.png_texts import without_large_texts
from vision.formats.png_transparency import deep_transparency, open_png

_BROKEN = (
    OSError,
    RuntimeError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    EOFError,
    MemoryError,
    struct.error,
    zlib.error,
    Warning,
)
_EXIF_ORIENTATION = 0x0112
_TRANSPOSE = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# A JPEG is decoded at a half, a quarter or an eighth of its size if both sides stay at least this long.
_DRAFT_PIXELS = 1024
# An encoder writes about ten scans; thousands of empty ones keep a decoder busy for minutes.
_MAX_JPEG_SCANS = 100
# Beginning and length of the header of a scan of three colours; Pillow stops reading behind the first one.
_COLOUR_SCAN = b"\xff\xda\x00\x0c\x03"
_LENGTH_OF_COLOUR_SCAN_HEADER = 14
_WHITE = (255, 255, 255, 255)
# Their profile, if there is one, is of a scanner's grey or of inks.
_WITHOUT_COLOURS = ("1", "L", "LA", "I", "I;16", "I;16B", "CMYK")

ImageFormat = Literal["jpeg", "png", "webp", "avif", "heic"]

# The plugins themselves: Image.open warns through Python's global filters, which are not safe for threads.
_OPENERS: dict[ImageFormat, Callable[[BytesIO], ImageFile]] = {
    "jpeg": JpegImageFile,
    "png": lambda file: open_png(without_large_texts(file.getvalue())),
    "webp": WebPImageFile,
    "avif": open_avif,
    "heic": open_heic,
}


@dataclass(frozen=True, slots=True)
class ImageLimits:
    """What one image may cost.

    Attributes:
        max_image_bytes: Encoded size.
        max_pixels: Width times height after decoding.
    """

    max_image_bytes: int = 20 * 1024 * 1024
    max_pixels: int = 50_000_000


def decode_image(content: bytes, limits: ImageLimits) -> Image.Image:
    """Decode a JPEG, PNG, WebP, AVIF or HEIC to 8-bit sRGB, turned upright by its EXIF orientation.

    Transparency is laid on white; 16 bits are scaled to 8; CMYK, palette, grey and 1-bit images become RGB;
    colours of another profile become sRGB. HEIC needs the extra `heic`.
    Large JPEGs, and large images with another profile, come out at a fraction of their size, with both sides
    at least 1,024 pixels. Every caller gets the same pixels for the same bytes. No global of Pillow is
    touched, so any thread may call this.

    Raises:
        EmptyImageError: There are no bytes.
        TooManyBytesError: There are more than the limit.
        NotAnImageError: They are of none of these formats, or its reader is not installed.
        TooManyPixelsError: The header announces more pixels than the limit; nothing was decoded.
        UndecodableImageError: Truncated, corrupt, animated, or of a kind that would be decoded wrongly.
    """
    return _decode(content, limits, None, _to_srgb)


def decode_grey(content: bytes, limits: ImageLimits) -> Image.Image:
    """Decode an image to 8-bit grey, with the same refusals as `decode_image`, but faster.

    The colours of a JPEG are not decoded, and no profile is applied: without one, its greys may differ by a
    rounding from those of the RGB image.
    """
    return _decode(content, limits, "L", _to_grey)


def _decode(
    content: bytes,
    limits: ImageLimits,
    draft_mode: str | None,
    convert: Callable[[Image.Image], Image.Image],
) -> Image.Image:
    check_num_bytes(len(content), limits)
    open_image = _OPENERS[image_format(content)]
    try:
        image = open_image(BytesIO(content))
        _check_header(image, limits)
        if isinstance(image, JpegImageFile):
            _check_scans(content, image)
            image.draft(draft_mode, (_DRAFT_PIXELS, _DRAFT_PIXELS))
            # In one piece: after each piece the decoder waits for the interpreter's lock and copies the rest.
            image.decodermaxblock = len(content)
        image.load()
        return _upright(convert(image), _orientation(image))
    except Image.DecompressionBombError as error:
        # Pillow's WebP reader refuses by itself, before the size is known here.
        raise TooManyPixelsError(
            f"Expected at most {limits.max_pixels:,} pixels ({error}). Send a smaller image."
        ) from error
    except _BROKEN as error:
        raise UndecodableImageError(
            f"The image can't be decoded: it is truncated or corrupt ({error}). Save it again and retry."
        ) from error


def check_num_bytes(num_bytes: int, limits: ImageLimits) -> None:
    """Raise if an image has no bytes, or more than the limit.

    Raises:
        EmptyImageError: There are no bytes.
        TooManyBytesError: There are more than the limit.
    """
    if not num_bytes:
        raise EmptyImageError("Expected the bytes of an image, got none. Send a JPEG, PNG, WebP or AVIF.")
    if num_bytes > limits.max_image_bytes:
        raise TooManyBytesError(
            f"Expected at most {limits.max_image_bytes:,} bytes, got {num_bytes:,}. Send a smaller image."
        )


def image_format(content: bytes) -> ImageFormat:
    """Return the format of an image's bytes, judged by the first of them.

    Raises:
        NotAnImageError: They are none that we read.
    """
    if content.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "webp"
    if (container := container_format(content)) is not None:
        return container
    raise NotAnImageError(f"Expected a JPEG, PNG, WebP or AVIF, found {kind_of_foreign_bytes(content)}.")


def _check_header(image: ImageFile, limits: ImageLimits) -> None:
    if image.width * image.height > limits.max_pixels:
        raise TooManyPixelsError(
            f"Expected at most {limits.max_pixels:,} pixels, got {image.width} × {image.height}. "
            "Send a smaller image."
        )
    if getattr(image, "is_animated", False):
        raise UndecodableImageError("Expected a still image, got an animation. Send one of its frames.")


def _check_scans(content: bytes, image: JpegImageFile) -> None:
    # If the first scan holds all three colours, the decoder reads no second one: counting would waste time.
    begun = image.fp.tell() - _LENGTH_OF_COLOUR_SCAN_HEADER if image.fp is not None else 0
    is_one_scan = image.layers == 3 and content.startswith(_COLOUR_SCAN, max(begun, 0))
    if is_one_scan and "progressive" not in image.info:
        return
    if content.count(b"\xff\xda") > _MAX_JPEG_SCANS:
        raise UndecodableImageError(
            f"Expected a JPEG of at most {_MAX_JPEG_SCANS} scans, found more. Save it as a baseline JPEG."
        )


def _to_srgb(image: Image.Image) -> Image.Image:
    rgb = _to_rgb(image)
    if image.mode in _WITHOUT_COLOURS:
        return rgb
    return in_srgb(rgb, image.info.get("icc_profile"), _DRAFT_PIXELS)


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):
        return _from_16_bits(image)
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        canvas = Image.new("RGBA", image.size, _WHITE)
        canvas.alpha_composite(image.convert("RGBA"))
        return canvas.convert("RGB")
    if (transparency := deep_transparency(image)) is not None:
        pixels = np.array(image)
        pixels[transparency.is_transparent(image)] = 255
        return Image.fromarray(pixels)
    if image.mode == "RGB":
        return image
    if image.mode == "CMYK" and "adobe" not in image.info:
        # Pillow takes every CMYK JPEG for one of Adobe's, which store the inks inverted.
        return ImageChops.invert(image).convert("RGB")
    if image.mode in ("RGBX", "L", "1", "P", "CMYK", "YCbCr"):
        return image.convert("RGB")
    raise UndecodableImageError(
        f"Expected a grey, palette, RGB or CMYK image, got one of mode {image.mode}. Convert it to 8-bit RGB."
    )


def _to_grey(image: Image.Image) -> Image.Image:
    is_grey = image.mode == "L" and "transparency" not in image.info
    return image if is_grey else _to_rgb(image).convert("L")


def _from_16_bits(image: Image.Image) -> Image.Image:
    # Pillow's own conversion clips at 255, which turns most of a 16-bit picture white.
    levels = np.asarray(image).astype(np.uint32)
    grey = ((levels + 128) // 257).astype(np.uint8)
    transparent = image.info.get("transparency")
    if isinstance(transparent, int):
        grey[levels == transparent] = 255
    return Image.fromarray(grey).convert("RGB")


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(_EXIF_ORIENTATION, 1))
    except _BROKEN:
        # A broken EXIF block is no reason to refuse the pixels, which are intact.
        return 1


def _upright(image: Image.Image, orientation: int) -> Image.Image:
    transpose = _TRANSPOSE.get(orientation)
    return image if transpose is None else image.transpose(transpose)
