"""Bytes put aside on the disk until the process no longer needs them."""

import os
import tempfile
import weakref


class Scratch:
    """A file without a name, which is written once and read in any order by any thread."""

    def __init__(self) -> None:
        self._descriptor, name = tempfile.mkstemp(prefix="perennial-")
        os.unlink(name)
        self._end = 0
        weakref.finalize(self, os.close, self._descriptor)

    def write(self, content: bytes) -> tuple[int, int]:
        """Append bytes and return where they are: what `read` takes.

        Raises:
            OSError: The disk is full; it names the folder for temporary files.
        """
        rest = memoryview(content)
        start = self._end
        try:
            while rest:
                num_written = os.pwrite(self._descriptor, rest, self._end)
                self._end += num_written
                rest = rest[num_written:]
        except OSError as error:
            raise OSError(error.errno, error.strerror, tempfile.gettempdir()) from error
        return start, len(content)

    def read(self, start: int, num_bytes: int) -> bytes:
        """Return bytes that were written."""
        return os.pread(self._descriptor, num_bytes, start)
