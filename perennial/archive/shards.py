"""Writes samples to tars, KEY.jpg beside KEY.json, as WebDataset reads them; KEY is the image's SHA-256."""

import io
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from perennial.archive.record import Record
from perennial.errors import ArchiveError
from store.durable import sync_file, sync_folder
from vision.decoding import image_format

_BLOCK_BYTES = 512
_END_BYTES = 20 * _BLOCK_BYTES


@dataclass(frozen=True, slots=True)
class ShardLimits:
    """How much one tar may hold."""

    max_bytes: int = 1024**3
    max_samples: int = 10_000


SHARD = ShardLimits()


class Shards:
    """Tars one after the other, each within the limits."""

    def __init__(self, name: Callable[[int], Path], limits: ShardLimits = SHARD) -> None:
        self._name = name
        self._limits = limits
        self._num_shards = self._num_samples = self._num_bytes = 0
        self._tar = self._open()

    @classmethod
    def in_folder(cls, folder: Path) -> "Shards":
        """Return shards that are a new folder's samples-000000.tar and so on."""
        folder.mkdir()
        return cls(lambda number: folder / f"samples-{number:06}.tar")

    @classmethod
    def in_file(cls, file: Path) -> "Shards":
        """Return a single shard; a second one is an error."""

        def name(number: int) -> Path:
            if number:
                raise ArchiveError(
                    "Expected samples that fit in one tar of 10,000 samples and 1 GiB, found more. Name a "
                    "folder instead of a tar: it gets several."
                )
            return file

        return cls(name)

    def add(self, record: Record, content: bytes) -> None:
        """Write a sample."""
        fields = record.model_dump_json().encode()
        num_bytes = sum(2 * _BLOCK_BYTES + len(each) for each in (content, fields))
        is_full = (
            self._num_samples >= self._limits.max_samples
            or self._num_bytes + num_bytes + _END_BYTES > self._limits.max_bytes
        )
        if is_full and self._num_samples:
            self._finish()
            self._tar = self._open()
        for extension, each in ((suffix_of(content), content), ("json", fields)):
            entry = tarfile.TarInfo(f"{record.sha256}.{extension}")
            entry.size, entry.mtime = len(each), int(record.created.timestamp())
            self._tar.addfile(entry, io.BytesIO(each))
        self._num_samples += 1
        self._num_bytes += num_bytes

    def close(self) -> None:
        """Finish the last tar."""
        self._finish()
        sync_folder(self._name(0).parent)

    def _open(self) -> tarfile.TarFile:
        tar = tarfile.TarFile(self._name(self._num_shards), "x")
        self._num_shards += 1
        self._num_samples = self._num_bytes = 0
        return tar

    def _finish(self) -> None:
        self._tar.close()
        sync_file(self._name(self._num_shards - 1))


def suffix_of(content: bytes) -> str:
    """Return the file extension for an image's bytes.

    Raises:
        NotAnImageError: They are no image in a format of the store.
    """
    kind = image_format(content)
    return "jpg" if kind == "jpeg" else kind
