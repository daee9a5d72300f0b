import struct
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from vision.decoding import ImageLimits, decode_image
from vision.errors import (
    EmptyImageError,
    ImageError,
    NotAnImageError,
    TooManyBytesError,
    TooManyPixelsError,
    UndecodableImageError,
)

LIMITS = ImageLimits()
Encode = Callable[..., bytes]
Picture = Callable[..., Image.Image]


def png(
    width: int, height: int, bit_depth: int, colour_type: int, rows: bytes, *more: tuple[bytes, bytes]
) -> bytes:
    """A PNG put together by hand, for kinds that Pillow can't write."""
    header = struct.pack(">IIBBBBB", width, height, bit_depth, colour_type, 0, 0, 0)
    chunks = [(b"IHDR", header), *more, (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    packed = (
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


def pixels_of(content: bytes) -> np.ndarray:
    image = decode_image(content, LIMITS)
    assert image.mode == "RGB"
    return np.asarray(image)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_an_rgb_picture_comes_back_as_it_was(kind: str, encode: Encode, picture: Picture) -> None:
    original = picture(64, 48)
    decoded = pixels_of(encode(original, kind, **({} if kind == "PNG" else {"quality": 95})))
    assert decoded.shape == (48, 64, 3)
    difference = np.abs(decoded.astype(int) - np.asarray(original).astype(int))
    assert difference.mean() <= (0 if kind == "PNG" else 5)


def test_no_bytes_are_refused() -> None:
    with pytest.raises(EmptyImageError, match="got none"):
        decode_image(b"", LIMITS)


@pytest.mark.parametrize(
    "content",
    [b"hello", b"GIF89a\x01\x00\x01\x00\x00\x00\x00;", b"<svg/>", b"\x00" * 100, b"RIFF\x00\x00\x00\x00AVI "],
)
def test_bytes_of_another_type_are_no_image(content: bytes) -> None:
    with pytest.raises(NotAnImageError, match="JPEG, PNG, WebP or AVIF"):
        decode_image(content, LIMITS)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.9])
def test_a_truncated_image_is_refused(kind: str, share: float, encode: Encode, picture: Picture) -> None:
    intact = encode(picture(100, 100), kind)
    with pytest.raises(UndecodableImageError, match="truncated or corrupt"):
        decode_image(intact[: max(12, int(share * len(intact)))], LIMITS)


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_an_animation_is_refused_with_its_reason(kind: str, encode: Encode, picture: Picture) -> None:
    frames = [picture(16, 16, seed) for seed in range(3)]
    content = encode(frames[0], kind, save_all=True, append_images=frames[1:], duration=100)
    with pytest.raises(UndecodableImageError, match="animation"):
        decode_image(content, LIMITS)


def test_a_pixel_bomb_is_refused_from_its_header() -> None:
    # The header announces 30,000² pixels, and nothing follows that a decoder could start on.
    with pytest.raises(TooManyPixelsError, match="30000 × 30000"):
        decode_image(png(30_000, 30_000, 8, 2, b""), LIMITS)


def test_a_webp_pixel_bomb_is_refused_from_its_header(encode: Encode, picture: Picture) -> None:
    exif = Image.Exif()
    exif[0x0112] = 1
    content = bytearray(encode(picture(), "WEBP", exif=exif))
    assert content[12:16] == b"VP8X"
    content[24:30] = (30_000 - 1).to_bytes(3, "little") * 2
    with pytest.raises(TooManyPixelsError, match="Send a smaller image"):
        decode_image(bytes(content), LIMITS)


def test_the_pixel_limit_is_inclusive(encode: Encode, picture: Picture) -> None:
    content = encode(picture(20, 10))
    assert decode_image(content, ImageLimits(max_pixels=200)).size == (20, 10)
    with pytest.raises(TooManyPixelsError):
        decode_image(content, ImageLimits(max_pixels=199))


def test_an_image_over_the_byte_limit_is_refused(encode: Encode, picture: Picture) -> None:
    with pytest.raises(TooManyBytesError, match="at most 100 bytes"):
        decode_image(encode(picture()), ImageLimits(max_image_bytes=100))


def test_a_jpeg_of_endless_scans_is_refused(encode: Encode, picture: Picture) -> None:
    intact = encode(picture(64, 64), "JPEG", progressive=True)
    scan = intact[intact.rindex(b"\xff\xda") : -2]
    with pytest.raises(UndecodableImageError, match="scans"):
        decode_image(intact[:-2] + scan * 200 + intact[-2:], LIMITS)


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_no_baseline_jpeg_has_endless_scans_either(mode: str, encode: Encode, picture: Picture) -> None:
    intact = encode(picture(64, 64).convert(mode), "JPEG")
    begun = intact.rindex(b"\xff\xda")
    scan = intact[begun:-2]
    # Bytes before the first scan may look like the header of another one.
    bait = b"\xff\xfe\x00\x10" + b"\xff\xda\x00\x0c\x03" + bytes(9)
    endless = intact[:begun] + bait + scan * 2000 + intact[-2:]
    # The decoder itself stops at the second scan of three colours, and would read all of the others.
    with pytest.raises(UndecodableImageError, match="corrupt" if mode == "RGB" else "scans"):
        decode_image(endless, LIMITS)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_exif_orientation_comes_out_upright(orientation: int, encode: Encode, picture: Picture) -> None:
    upright = picture(48, 24)
    stored_from_upright = {
        1: lambda image: image,
        2: lambda image: image.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
        3: lambda image: image.rotate(180),
        4: lambda image: image.transpose(Image.Transpose.FLIP_TOP_BOTTOM),
        5: lambda image: image.transpose(Image.Transpose.TRANSPOSE),
        6: lambda image: image.rotate(90, expand=True),
        7: lambda image: image.transpose(Image.Transpose.TRANSVERSE),
        8: lambda image: image.rotate(270, expand=True),
    }
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = encode(stored_from_upright[orientation](upright), "PNG", exif=exif)
    np.testing.assert_array_equal(pixels_of(content), np.asarray(upright))


def test_a_broken_exif_block_leaves_the_picture_as_it_is(encode: Encode, picture: Picture) -> None:
    content = encode(picture(), "PNG", exif=b"Exif\x00\x00II*\x00\xff\xff\xff\xff")
    np.testing.assert_array_equal(pixels_of(content), np.asarray(picture()))


def test_a_16_bit_grey_image_is_scaled_not_clipped(encode: Encode) -> None:
    levels = np.array([[0, 128, 257, 32_768, 65_535]], dtype=np.uint16)
    decoded = pixels_of(encode(Image.fromarray(levels)))
    np.testing.assert_array_equal(decoded[0], [[value] * 3 for value in (0, 0, 1, 128, 255)])


@pytest.mark.parametrize(("colour_type", "channels"), [(2, 3), (6, 4)])
def test_a_16_bit_colour_image_is_scaled_not_clipped(colour_type: int, channels: int) -> None:
    levels = [0x1234, 0x8000, 0xFFFF, 0xFFFF][:channels]
    decoded = pixels_of(png(1, 1, 16, colour_type, b"\x00" + struct.pack(f">{channels}H", *levels)))
    np.testing.assert_allclose(decoded[0, 0], [0x12, 0x80, 0xFF], atol=1)


def test_a_16_bit_transparent_level_is_laid_on_white() -> None:
    rows = b"\x00" + struct.pack(">2H", 1000, 30_000)
    decoded = pixels_of(png(2, 1, 16, 0, rows, (b"tRNS", struct.pack(">H", 1000))))
    np.testing.assert_array_equal(decoded[0], [[255] * 3, [117] * 3])


def test_a_cmyk_jpeg_keeps_its_colours(encode: Encode) -> None:
    red = Image.new("RGB", (32, 32), (200, 30, 40))
    content = encode(red.convert("CMYK"), "JPEG", quality=95)
    assert Image.open(BytesIO(content)).mode == "CMYK"
    np.testing.assert_allclose(pixels_of(content).mean(axis=(0, 1)), [200, 30, 40], atol=8)


def test_a_palette_image_keeps_its_colours_and_its_transparency(encode: Encode) -> None:
    palette = Image.new("P", (2, 1))
    palette.putpalette([10, 20, 30, 200, 100, 50])
    palette.putpixel((1, 0), 1)
    np.testing.assert_array_equal(pixels_of(encode(palette))[0], [[10, 20, 30], [200, 100, 50]])
    see_through = encode(palette, transparency=0)
    np.testing.assert_array_equal(pixels_of(see_through)[0], [[255, 255, 255], [200, 100, 50]])


def test_transparency_is_laid_on_white(encode: Encode) -> None:
    half_red = Image.new("RGBA", (1, 1), (255, 0, 0, 128))
    np.testing.assert_allclose(pixels_of(encode(half_red))[0, 0], [255, 127, 127], atol=1)
    half_black = Image.new("LA", (1, 1), (0, 128))
    np.testing.assert_allclose(pixels_of(encode(half_black))[0, 0], [127] * 3, atol=1)


def test_a_transparent_colour_of_an_rgb_image_is_laid_on_white(encode: Encode) -> None:
    image = Image.new("RGB", (2, 1), (1, 2, 3))
    image.putpixel((1, 0), (9, 9, 9))
    decoded = pixels_of(encode(image, transparency=(1, 2, 3)))
    np.testing.assert_array_equal(decoded[0], [[255] * 3, [9] * 3])


def test_grey_and_one_bit_images_become_rgb(encode: Encode) -> None:
    np.testing.assert_array_equal(pixels_of(encode(Image.new("L", (1, 1), 77)))[0, 0], [77] * 3)
    np.testing.assert_array_equal(pixels_of(encode(Image.new("1", (1, 1), 1)))[0, 0], [255] * 3)


def test_a_large_jpeg_is_decoded_at_a_fraction_that_keeps_1024_pixels(
    encode: Encode, picture: Picture
) -> None:
    decoded = decode_image(encode(picture(4000, 3000), "JPEG"), LIMITS)
    assert decoded.size == (2000, 1500)
    smaller = decoded.resize((40, 30), Image.Resampling.BOX)
    expected = picture(4000, 3000).resize((40, 30), Image.Resampling.BOX)
    assert np.abs(np.asarray(smaller).astype(int) - np.asarray(expected).astype(int)).max() <= 8


def test_a_single_pixel_is_an_image(encode: Encode) -> None:
    assert decode_image(encode(Image.new("RGB", (1, 1), (1, 2, 3))), LIMITS).getpixel((0, 0)) == (1, 2, 3)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "AVIF"])
def test_damaged_bytes_give_a_picture_or_an_image_error_and_nothing_else(
    kind: str, encode: Encode, picture: Picture
) -> None:
    intact = encode(picture(60, 60), kind)
    rng = np.random.default_rng(7)
    for _ in range(300):
        damaged = bytearray(intact)
        for position in rng.integers(0, len(intact), rng.integers(1, 6)):
            damaged[position] = rng.integers(0, 256)
        with suppress(ImageError):
            assert decode_image(bytes(damaged), LIMITS).mode == "RGB"


def test_threads_may_decode_at_once(encode: Encode, picture: Picture) -> None:
    contents = [encode(picture(80, 60, seed), "JPEG") for seed in range(40)]
    alone = [decode_image(content, LIMITS).tobytes() for content in contents]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda content: decode_image(content, LIMITS).tobytes(), contents))
    assert together == alone
