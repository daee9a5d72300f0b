"""Reads tar archives whose members belong together by name, without unpacking them."""

import os
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from vision.decoding import ImageLimits, check_num_bytes
from vision.errors import MalformedSourceError
from vision.sources.files import open_file
from vision.sources.listing import is_junk, shown

# Labels and fields are small; a larger file is neither, and is not read.
MAX_FIELD_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Member:
    """A file inside a tar: where its bytes are."""

    tar: Path
    offset: int
    num_bytes: int

    def read(self) -> bytes:
        """Return its bytes; any thread may call this."""
        with open_file(self.tar) as file:
            file.seek(self.offset)
            content = file.read(self.num_bytes)
        if len(content) != self.num_bytes:
            raise OSError(0, "the tar ends early", str(self.tar))
        return content

    def read_image(self, limits: ImageLimits) -> bytes:
        """Return an image's bytes; what is larger than the limit is not read.

        Raises:
            EmptyImageError: It is empty.
            TooManyBytesError: It is larger than the limit.
            OSError: The tar can't be read.
        """
        check_num_bytes(self.num_bytes, limits)
        return self.read()


@dataclass(frozen=True, slots=True)
class Sample:
    """The files of one key in a tar, by extension in lower case."""

    tar: Path
    key: str
    members: Mapping[str, Member]

    @property
    def name(self) -> str:
        """Its name in messages."""
        return shown(f"{self.tar}:{self.key}")


def tars_in(place: Path) -> list[Path]:
    """Return a tar, or those of a folder, by name."""
    if place.is_dir():
        return sorted(
            path for path in place.glob("*.tar") if not path.name.startswith(".") and path.is_file()
        )
    return [place]


def samples_in(tar: Path) -> Iterator[Sample]:
    """Yield the samples of a tar; a sample's key is its members' path up to the first dot of the file's name.

    Source:
        The WebDataset format: Aizman, Maltby and Breuel, "High performance I/O for large scale deep
        learning", IEEE Big Data 2019.

    Raises:
        MalformedSourceError: It is no tar, is compressed, or ends early.
    """
    samples = dict[str, dict[str, Member]]()
    for key, extension, member in _members(tar):
        samples.setdefault(key, {})[extension] = member
    for key, members in samples.items():
        yield Sample(tar, key, members)


def _members(tar: Path) -> Iterator[tuple[str, str, Member]]:
    try:
        with open_file(tar) as file, tarfile.open(fileobj=file, mode="r:") as archive:
            for entry in archive:
                path = PurePosixPath(entry.name)
                stem, _, extension = path.name.partition(".")
                if any(map(is_junk, path.parent.parts)):
                    continue
                # The bytes of a sparse file don't lie in one place.
                if entry.isreg() and not entry.issparse() and stem and extension:
                    key = str(path.parent / stem)
                    yield key, extension.lower(), Member(tar, entry.offset_data, entry.size)
            _check_end(tar, archive)
    except (tarfile.TarError, EOFError, ValueError) as error:
        raise MalformedSourceError(
            f"Expected an uncompressed tar, whole to its end, at {tar}; it can't be read ({error}). "
            "Copy it again, or unpack the compression."
        ) from error


def _check_end(tar: Path, archive: tarfile.TarFile) -> None:
    """Raise if the tar ends early or is broken inside: `tarfile` treats both as the end."""
    last = archive.getmembers()[-1:]
    if not last:
        return
    num_blocks = -(-(last[0].offset_data + last[0].size) // tarfile.BLOCKSIZE)
    with open_file(tar) as file:
        file.seek(num_blocks * tarfile.BLOCKSIZE)
        block = file.read(tarfile.BLOCKSIZE)
        is_cut_off = file.tell() > os.path.getsize(tar)
    if any(block) or is_cut_off:
        raise EOFError(f"what follows {last[0].name} is no file")
