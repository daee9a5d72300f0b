"""JPEG photographs whose bytes are unique, so that nothing is answered or stored twice."""

import itertools
from collections.abc import Iterator
from pathlib import Path

from benchmarks.photographs import DEFAULT_ARCHIVE

DEFAULT_FOLDER = DEFAULT_ARCHIVE.parent / "hymenoptera"
_START, _COMMENT = b"\xff\xd8", b"\xff\xfe"


def read_photographs(folder: Path) -> list[bytes]:
    """Return the JPEG files under a folder."""
    photographs = [file.read_bytes() for file in sorted(folder.rglob("*.jpg"))]
    if not photographs:
        raise SystemExit(f"Expected JPEG photographs under {folder}, found none; name a folder with DATA=…")
    return photographs


def numbered(photographs: list[bytes], run: str) -> Iterator[bytes]:
    """Yield the photographs again and again, each with its number in a JPEG comment.

    Args:
        photographs: JPEG files.
        run: Goes into the comment too, so that no other run sends the same bytes.
    """
    for number in itertools.count():
        comment = f"{run} {number}".encode()
        segment = _COMMENT + (len(comment) + 2).to_bytes(2, "big") + comment
        content = photographs[number % len(photographs)]
        yield _START + segment + content[len(_START) :]
