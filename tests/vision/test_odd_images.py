"""Images as phones, presses and other programs write them: the answer is that of the same plain picture."""

import base64
import struct
import sys
import zlib
from collections.abc import Callable
from io import BytesIO

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageCms

from vision.decoding import ImageLimits, decode_grey, decode_image, image_format
from vision.errors import NotAnImageError, TooManyPixelsError, UndecodableImageError

LIMITS = ImageLimits()
Encode = Callable[..., bytes]
Picture = Callable[..., Image.Image]
ORIENTATION = 0x0112

# Columns red, green and blue in the profile's connection space, by the name of the colour space.
PRIMARIES = {
    "Display P3": ((0.51512, 0.24120, -0.00105), (0.29198, 0.69225, 0.04189), (0.15710, 0.06657, 0.78407)),
    "Adobe RGB": ((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457)),
    "ProPhoto": ((0.79767, 0.28804, 0.0), (0.13519, 0.71188, 0.0), (0.03134, 0.00009, 0.82491)),
}
# 64 × 48 pixels: red and green grow downwards, blue is 100.
HEIC = base64.b64decode(
    "AAAAHGZ0eXBoZWljAAAAAG1pZjFoZWljbWlhZgAAAX1tZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAAAAAAAAAA"
    "AAAAACJpbG9jAAAAAERAAAEAAQAAAAABoQABAAAAAAAAAEMAAAAjaWluZgAAAAAAAQAAABVpbmZlAgAAAAABAABodmMxAAAA"
    "AA5waXRtAAAAAAABAAAA/WlwcnAAAADdaXBjbwAAAHZodmNDAQNwAAAAkAAAAAAAHvAA/P34+AAADwNgAAEAGEABDAH//wNw"
    "AAADAJAAAAMAAAMAHroCQGEAAQAqQgEBA3AAAAMAkAAAAwAAAwAeoCCBBZbq5Ka5uAhoMCAAAAMDIAAAAwAhYgABAAZEAcFz"
    "wIkAAAATY29scm5jbHgAAQANAAaAAAAAFGlzcGUAAAAAAAAAQAAAAEAAAAAoY2xhcAAAAEAAAAABAAAAMAAAAAEAAAAAAAAA"
    "Av////AAAAACAAAAEHBpeGkAAAAAAwgICAAAABhpcG1hAAAAAAAAAAEAAQWBAgMFhAAAAEttZGF0AAAAPygBrxOAIE3jxU7k"
    "DnO32u3XQqST8XsXbVpxMRsqq9xUZVaFnGyTEQdSwgVqgzNlvEkklt4bQDkszsQcyt577g=="
)


def srgb_profile() -> bytes:
    return bytes(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())


def wide_profile(name: str) -> bytes:
    """Return sRGB's profile with the primaries of a wider space."""
    profile = bytearray(srgb_profile())
    primaries = dict(zip((b"rXYZ", b"gXYZ", b"bXYZ"), PRIMARIES[name], strict=True))
    for number in range(struct.unpack_from(">I", profile, 128)[0]):
        tag, offset, _ = struct.unpack_from(">4sII", profile, 132 + 12 * number)
        if tag in primaries:
            struct.pack_into(">3i", profile, offset + 8, *(round(x * 65536) for x in primaries[tag]))
    return bytes(profile)


def in_space(image: Image.Image, profile: bytes) -> Image.Image:
    """Return the same picture in another colour space."""
    converted = ImageCms.profileToProfile(
        image,
        BytesIO(srgb_profile()),
        BytesIO(profile),
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
    )
    assert converted is not None
    # Without the profile, which an encoder would write unasked.
    return Image.fromarray(np.asarray(converted))


def difference(content: bytes, expected: Image.Image) -> float:
    """Return by how many levels an answer differs from a picture, on average."""
    decoded = decode_image(content, LIMITS)
    assert (decoded.mode, decoded.size) == ("RGB", expected.size)
    change: NDArray[np.int64] = np.asarray(decoded).astype(int) - np.asarray(expected).astype(int)
    return float(np.abs(change).mean())


def with_chunks(png: bytes, *chunks: tuple[bytes, bytes], is_behind: bool = False) -> bytes:
    """Return a PNG with more chunks, before or behind its pixels."""
    packed = b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )
    at = png.index(b"IEND" if is_behind else b"IDAT") - 4
    return png[:at] + packed + png[at:]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "AVIF"])
def test_every_orientation_of_a_camera_comes_out_upright(
    kind: str, orientation: int, encode: Encode, picture: Picture
) -> None:
    upright = picture(48, 24)
    stored = {
        1: lambda: upright,
        2: lambda: upright.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
        3: lambda: upright.rotate(180),
        4: lambda: upright.transpose(Image.Transpose.FLIP_TOP_BOTTOM),
        5: lambda: upright.transpose(Image.Transpose.TRANSPOSE),
        6: lambda: upright.rotate(90, expand=True),
        7: lambda: upright.transpose(Image.Transpose.TRANSVERSE),
        8: lambda: upright.rotate(270, expand=True),
    }[orientation]()
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    assert difference(encode(stored, kind, exif=exif, quality=95), upright) < 5


@pytest.mark.parametrize("name", PRIMARIES)
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "AVIF"])
def test_a_picture_in_wide_colours_is_answered_as_the_same_picture_in_srgb(
    name: str, kind: str, encode: Encode, picture: Picture
) -> None:
    plain = picture(64, 64)
    wide = in_space(plain, wide_profile(name))
    options = {} if kind == "PNG" else {"quality": 100}
    content = encode(wide, kind, icc_profile=wide_profile(name), **options)
    # Without the profile the colours are paler.
    assert difference(encode(wide, kind, **options), plain) > 5
    assert difference(content, plain) < 3


def test_transparency_and_palettes_in_wide_colours_become_srgb_too(encode: Encode, picture: Picture) -> None:
    plain, profile = picture(32, 32), wide_profile("Display P3")
    wide = in_space(plain, profile)
    assert difference(encode(wide.convert("RGBA"), icc_profile=profile), plain) < 2
    palette = wide.quantize(256)
    expected = difference(encode(palette.convert("RGB"), icc_profile=profile), plain)
    assert difference(encode(palette, icc_profile=profile), plain) == expected


def test_a_large_picture_in_wide_colours_comes_out_at_a_fraction_of_its_size(
    encode: Encode, picture: Picture
) -> None:
    content = encode(picture(2100, 2050), compress_level=1, icc_profile=wide_profile("Display P3"))
    assert decode_image(content, LIMITS).size == (1050, 1025)


@pytest.mark.parametrize(
    "profile",
    [srgb_profile(), b"", b"no profile", srgb_profile()[:200], bytes(2 * 1024 * 1024)],
    ids=["sRGB", "empty", "broken", "cut off", "huge"],
)
def test_a_profile_that_is_srgb_or_no_use_changes_no_pixel(
    profile: bytes, encode: Encode, picture: Picture
) -> None:
    assert difference(encode(picture(), icc_profile=profile), picture()) == 0


@pytest.mark.parametrize("has_marker", [True, False])
def test_a_cmyk_jpeg_keeps_its_colours_with_and_without_adobes_marker(
    has_marker: bool, encode: Encode, picture: Picture
) -> None:
    inks = picture(64, 64).convert("CMYK")
    # Pillow writes the marker, and the inks inverted, as Adobe has them.
    content = encode(inks if has_marker else ImageChops.invert(inks), "JPEG", quality=95)
    if not has_marker:
        begun = content.index(b"\xff\xee")
        content = (
            content[:begun] + content[begun + 2 + int.from_bytes(content[begun + 2 : begun + 4], "big") :]
        )
    assert (b"Adobe" in content) == has_marker
    assert difference(content, picture(64, 64)) < 5
    grey = np.asarray(decode_grey(content, LIMITS)).astype(int)
    assert np.abs(grey - np.asarray(picture(64, 64).convert("L"))).mean() < 5


def test_a_progressive_jpeg_is_the_same_picture(encode: Encode, picture: Picture) -> None:
    baseline, progressive = (
        decode_image(encode(picture(90, 70), "JPEG", progressive=each), LIMITS) for each in (False, True)
    )
    assert baseline.tobytes() == progressive.tobytes()


def test_the_first_of_a_cameras_several_pictures_is_answered(encode: Encode, picture: Picture) -> None:
    content = encode(picture(64, 64, 1), "MPO", save_all=True, append_images=[picture(64, 64, 2)], quality=95)
    assert content.count(b"\xff\xd8\xff") > 1
    assert difference(content, picture(64, 64, 1)) < 5


def test_transparency_of_each_palette_entry_is_laid_on_white(encode: Encode) -> None:
    palette = Image.new("P", (3, 1))
    palette.putpalette([0, 0, 0, 0, 0, 0, 9, 9, 9])
    palette.putdata([0, 1, 2])
    decoded = np.asarray(decode_image(encode(palette, transparency=bytes([0, 128, 255])), LIMITS))
    np.testing.assert_allclose(decoded[0], [[255] * 3, [127] * 3, [9] * 3], atol=1)


def png(depth: int, colour_type: int, row: bytes, width: int, transparent: tuple[int, ...]) -> bytes:
    """A PNG of one row, with a transparent colour."""
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", width, 1, depth, colour_type, 0, 0, 0)),
        (b"tRNS", struct.pack(f">{len(transparent)}H", *transparent)),
        (b"IDAT", zlib.compress(b"\0" + row)),
        (b"IEND", b""),
    ]
    packed = b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + packed


@pytest.mark.parametrize(
    ("depth", "row", "width", "transparent", "expected"),
    [
        (1, bytes([0b01010000]), 4, 0, [255, 255, 255, 255]),
        (1, bytes([0b01010000]), 4, 1, [0, 255, 0, 255]),
        (2, bytes([0b01000110]), 4, 1, [255, 0, 255, 170]),
        (2, bytes([0b01000110]), 4, 0b101, [255, 0, 255, 170]),
        (2, bytes([0b01000110]), 4, 3, [85, 0, 85, 170]),
        (4, bytes([0x50, 0x5F]), 4, 5, [255, 0, 255, 255]),
        (4, bytes([0x50, 0x5A]), 4, 10, [85, 0, 85, 255]),
        (8, bytes([5, 0, 85]), 3, 5, [255, 0, 85]),
        (8, bytes([5, 0, 85]), 3, 0x105, [255, 0, 85]),
        (16, struct.pack(">3H", 0x1234, 0x1235, 0x8000), 3, 0x1234, [255, 18, 128]),
    ],
)
def test_the_transparent_grey_of_each_depth_is_laid_on_white(
    depth: int, row: bytes, width: int, transparent: int, expected: list[int]
) -> None:
    content = png(depth, 0, row, width, (transparent,))
    assert np.asarray(decode_image(content, LIMITS))[0].tolist() == [[level] * 3 for level in expected]
    assert np.asarray(decode_grey(content, LIMITS))[0].tolist() == expected


@pytest.mark.parametrize(
    ("depth", "levels", "transparent", "expected"),
    [
        (16, [0x1234, 0x1235, 0x3412], 0x1234, [255, 18, 52]),
        (16, [0x0000, 0x00FF, 0x0100], 0x0000, [255, 0, 1]),
        (8, [0x12, 0x34, 0xFF], 0x12, [255, 52, 255]),
        (8, [0x12, 0x34, 0xFF], 0x112, [255, 52, 255]),
    ],
)
def test_the_transparent_colour_of_each_depth_is_laid_on_white_and_no_other(
    depth: int, levels: list[int], transparent: int, expected: list[int]
) -> None:
    form = "H" if depth == 16 else "B"
    row = struct.pack(f">{3 * len(levels)}{form}", *(level for level in levels for _ in range(3)))
    content = png(depth, 2, row, len(levels), (transparent,) * 3)
    assert np.asarray(decode_image(content, LIMITS))[0].tolist() == [[level] * 3 for level in expected]
    assert np.asarray(decode_grey(content, LIMITS))[0].tolist() == expected


def test_a_colour_is_transparent_only_if_each_of_its_channels_is() -> None:
    row = struct.pack(">6H", 1, 2, 3, 1, 2, 4)
    content = png(16, 2, row, 2, (1, 2, 3))
    assert np.asarray(decode_image(content, LIMITS))[0].tolist() == [[255] * 3, [0] * 3]


LARGE = zlib.compress(bytes(2 * 1024 * 1024))
TEXTS = {
    "zTXt": [(b"zTXt", b"note\0\0" + LARGE)],
    "iTXt": [(b"iTXt", b"note\0\1\0en\0note\0" + LARGE)],
    "iTXt not packed": [(b"iTXt", b"note\0\0\0en\0note\0" + bytes(2 * 1024 * 1024))],
    "tEXt": [(b"tEXt", b"note\0" + bytes(2 * 1024 * 1024))],
    "many tEXt": [(b"tEXt", b"note\0" + bytes(1024 * 1024))] * 65,
    "many zTXt": [(b"zTXt", b"note\0\0" + zlib.compress(bytes(1024 * 1000)))] * 70,
    "iCCP": [(b"iCCP", b"profile\0\0" + LARGE)],
    "broken": [(b"zTXt", b"note\0\0no zlib"), (b"iTXt", b""), (b"tEXt", b"")],
}


@pytest.mark.parametrize("is_behind", [False, True], ids=["before", "behind"])
@pytest.mark.parametrize("texts", TEXTS.values(), ids=TEXTS)
def test_texts_and_profiles_of_any_size_hinder_no_png(
    texts: list[tuple[bytes, bytes]], is_behind: bool, encode: Encode, picture: Picture
) -> None:
    limits = ImageLimits(max_image_bytes=2**27)
    content = with_chunks(encode(picture()), *texts, is_behind=is_behind)
    assert decode_image(content, limits).tobytes() == picture().tobytes()


def test_what_stands_beside_a_large_text_stays(encode: Encode, picture: Picture) -> None:
    exif, profile = Image.Exif(), wide_profile("Display P3")
    exif[ORIENTATION] = 3
    wide = in_space(picture(), profile).rotate(180)
    content = with_chunks(encode(wide, exif=exif, icc_profile=profile), *TEXTS["zTXt"], *TEXTS["tEXt"])
    assert difference(content, picture()) < 2


def test_a_png_that_is_cut_off_in_a_large_text_is_refused(encode: Encode, picture: Picture) -> None:
    content = with_chunks(encode(picture()), *TEXTS["zTXt"])
    with pytest.raises(UndecodableImageError, match="truncated or corrupt"):
        decode_image(content[: content.index(b"zTXt") + 500], LIMITS)


def test_an_avif_is_decoded(encode: Encode, picture: Picture) -> None:
    content = encode(picture(), "AVIF", quality=95)
    assert image_format(content) == "avif"
    assert difference(content, picture()) < 3
    see_through = Image.new("RGBA", (16, 16), (255, 0, 0, 0))
    assert difference(encode(see_through, "AVIF"), Image.new("RGB", (16, 16), "white")) < 2


def test_an_avif_that_is_cut_off_animated_or_too_large_is_refused(encode: Encode, picture: Picture) -> None:
    content = encode(picture(), "AVIF")
    for share in (0.1, 0.5, 0.95):
        with pytest.raises(UndecodableImageError, match="truncated or corrupt"):
            decode_image(content[: int(share * len(content))], LIMITS)
    with pytest.raises(TooManyPixelsError):
        decode_image(content, ImageLimits(max_pixels=100))
    animated = encode(picture(), "AVIF", save_all=True, append_images=[picture(seed=1)], duration=100)
    with pytest.raises(UndecodableImageError, match="animation"):
        decode_image(animated, LIMITS)


def test_a_heic_is_decoded_where_its_reader_is_installed() -> None:
    pytest.importorskip("pi_heif", reason="the extra heic is not installed")
    decoded = decode_image(HEIC, LIMITS)
    assert decoded.size == (64, 48)
    corners = np.asarray(decoded)[[0, -1], [0, -1]]
    np.testing.assert_allclose(corners, [(3, 2, 96), (253, 253, 103)], atol=8)
    with pytest.raises(UndecodableImageError, match="truncated or corrupt"):
        decode_image(HEIC[:-30], LIMITS)
    with pytest.raises(TooManyPixelsError):
        decode_image(HEIC, ImageLimits(max_pixels=100))


def test_a_heic_without_its_reader_is_refused_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pi_heif", None)
    assert image_format(HEIC) == "heic"
    with pytest.raises(NotAnImageError, match=r"pip install 'perennial\[heic\]'"):
        decode_image(HEIC, LIMITS)


@pytest.mark.parametrize("head", [b"\0\0\0\x18ftypisom", b"\0\0\0\x18ftypmp42", b"\xff\xff\xff\xffftypmif1"])
def test_another_container_is_no_image(head: bytes) -> None:
    with pytest.raises(NotAnImageError, match="JPEG, PNG, WebP or AVIF"):
        decode_image(head + bytes(300), LIMITS)
