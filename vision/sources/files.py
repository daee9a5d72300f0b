"""Reads files that a source names: only regular ones, and no more of them than a limit."""

import errno
import io
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from vision.decoding import ImageLimits, check_num_bytes

# A table's line names a file, a label and what an archive says of them.
_MAX_LINE_CHARACTERS = 1024 * 1024


def read_image_file(path: Path, limits: ImageLimits) -> bytes:
    """Return the bytes of an image's file; what is larger than the limit is not read.

    Raises:
        EmptyImageError: It is empty.
        TooManyBytesError: It is larger than the limit.
        OSError: It can't be read, or is a folder, a pipe or a device.
    """
    with open_file(path) as file:
        # Files of some systems have no size before they are read.
        num_bytes = os.fstat(file.fileno()).st_size
        content = b"" if num_bytes > limits.max_image_bytes else file.read(limits.max_image_bytes + 1)
    check_num_bytes(max(num_bytes, len(content)), limits)
    return content


def open_file(path: Path) -> BinaryIO:
    """Open a regular file, or a link to one, for reading.

    Others are refused before they are opened: a pipe would be waited for, and a device has no end.

    Raises:
        OSError: It can't be opened, or is a folder, a pipe or a device.
    """
    _check_is_regular(path.stat().st_mode, path)
    # It may have become a pipe since it was looked at.
    file = io.FileIO(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK))
    try:
        _check_is_regular(os.fstat(file.fileno()).st_mode, path)
    except OSError:
        file.close()
        raise
    return io.BufferedReader(file)


def text_lines(path: Path) -> Iterator[str]:
    """Yield the lines of a text in UTF-8 with their ends as they are; a byte order mark is left out.

    Raises:
        OSError: It can't be opened, or is a folder, a pipe or a device.
        ValueError: It is no UTF-8, or a line has more than a million characters.
    """
    with io.TextIOWrapper(open_file(path), encoding="utf-8-sig", newline="") as file:
        while line := file.readline(_MAX_LINE_CHARACTERS + 1):
            if len(line) > _MAX_LINE_CHARACTERS:
                raise ValueError(f"a line has more than {_MAX_LINE_CHARACTERS:,} characters")
            yield line


def _check_is_regular(mode: int, path: Path) -> None:
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "it is a pipe, a device or a socket, and no file", str(path))
