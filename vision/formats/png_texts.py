"""Leaves out of a PNG the texts and profiles that are too large for Pillow."""

import struct
import zlib

_BEGIN = 8
_HEAD = struct.Struct(">I4s")
_CRC_BYTES = 4
# Pillow refuses a picture for more than this in one chunk, and for 64 times this in all.
_MAX_TEXT_BYTES = 1024 * 1024
_TEXTS = (b"tEXt", b"zTXt", b"iTXt", b"iCCP")


def without_large_texts(content: bytes) -> bytes:
    """Return a PNG without the texts and profiles past the first MiB of them, unpacked.

    They say nothing about the pixels. What is broken stays, for the decoder to refuse it.
    """
    kept, begin, position, num_left = list[bytes](), 0, _BEGIN, _MAX_TEXT_BYTES
    while position + _HEAD.size <= len(content):
        num_bytes, kind = _HEAD.unpack_from(content, position)
        body, end = position + _HEAD.size, position + _HEAD.size + num_bytes + _CRC_BYTES
        if kind in _TEXTS:
            num_left -= _num_unpacked(kind, content[body : body + num_bytes], num_left)
            if num_left < 0:
                kept.append(content[begin:position])
                begin, num_left = end, 0
        position = end
    return b"".join([*kept, content[begin:]]) if kept else content


def _num_unpacked(kind: bytes, body: bytes, limit: int) -> int:
    """Return how many bytes a chunk is once it is unpacked, counted up to one past a limit."""
    packed = body.partition(b"\0")[2]
    if kind == b"iTXt":
        # A flag says whether it is packed; behind it are the method, the language and the keyword translated.
        is_packed, packed = packed[:1] == b"\1", packed[2:].partition(b"\0")[2].partition(b"\0")[2]
    else:
        is_packed, packed = kind != b"tEXt", packed[1:]
    if not is_packed:
        return len(body)
    try:
        return len(zlib.decompressobj().decompress(packed, limit + 1))
    except zlib.error:
        return len(body)
