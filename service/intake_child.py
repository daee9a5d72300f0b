"""A process that takes images in for a serving one: `python -m service.intake_child` and what is said below.

Asked: the number of bytes (4 bytes, big-endian) and the bytes of an image. Answered: one line of JSON, with
`sha256` and `phash`, or with `error` and `message`. An empty line says that it is ready. It ends with the
connection, so with the process at the other end.
"""

import json
import signal
import socket
import struct
import sys
from collections.abc import Sequence
from dataclasses import asdict

from PIL import Image

from service.intake import take_in
from service.thread_weight import INTAKE_STEPS, lower_weight
from store.blobs import BlobStore
from store.errors import BlobsUnavailableError
from vision.decoding import ImageLimits
from vision.errors import ImageError
from vision.perceptual_hash import perceptual_hash

SIZE = struct.Struct(">I")


def main(arguments: Sequence[str]) -> None:
    """Answer until the connection ends.

    Args:
        arguments: The connection's file descriptor, where blobs are, bytes and pixels of an image at most.
    """
    descriptor, url, max_image_bytes, max_pixels = arguments
    # They are for the process at the other end, which waits for what it asked.
    for stopping in (signal.SIGINT, signal.SIGTERM):
        signal.signal(stopping, signal.SIG_IGN)
    lower_weight(INTAKE_STEPS)
    limits, blobs = ImageLimits(int(max_image_bytes), int(max_pixels)), BlobStore(url)
    # The first hash imports what hashes.
    perceptual_hash(Image.new("L", (256, 256)))
    with socket.socket(fileno=int(descriptor)) as connection, connection.makefile("rb") as asked:
        connection.sendall(b"\n")
        while len(size := asked.read(SIZE.size)) == SIZE.size:
            content = asked.read(*SIZE.unpack(size))
            connection.sendall(_answer(content, limits, blobs))


def _answer(content: bytes, limits: ImageLimits, blobs: BlobStore) -> bytes:
    try:
        told = asdict(take_in(content, limits, blobs))
    except (ImageError, BlobsUnavailableError) as error:
        told = {"error": type(error).__name__, "message": str(error)}
    return json.dumps(told).encode() + b"\n"


if __name__ == "__main__":
    main(sys.argv[1:])
