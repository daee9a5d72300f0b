"""Lists the samples of an archive in any of its layouts."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from perennial.archive.record import Record, from_texts
from perennial.archive.writers import METADATA, TABLE
from perennial.errors import ArchiveError, UnusableRecordError
from vision.decoding import ImageLimits
from vision.sources.csv_file import records
from vision.sources.files import read_image_file
from vision.sources.listing import EntryError
from vision.sources.metadata_folder import json_lines
from vision.sources.rows import file_named
from vision.sources.tar_shards import Sample, samples_in, tars_in
from vision.sources.webdataset import fields_of, image_of


@dataclass(frozen=True, slots=True)
class Entry:
    """One sample of an archive.

    Attributes:
        name: Its name in messages.
        record: Returns its fields; raises UnusableRecordError.
        read: Returns its image's bytes; raises UnusableRecordError, ImageError or OSError.
    """

    name: str
    record: Callable[[], Record]
    read: Callable[[], bytes]


def entries_of(place: Path, limits: ImageLimits) -> list[Entry]:
    """Return the samples of an archive, in the order in which they were written.

    Args:
        place: The archive.
        limits: What one image may cost.

    Raises:
        ArchiveError: There is no archive.
        SourceError: A tar or a table can't be read.
    """
    if place.is_dir() and (place / METADATA).is_file():
        return [
            _in_table(
                place / METADATA, line, fields.pop("file_name", None), partial(Record.read, fields), limits
            )
            for line, fields in json_lines(place / METADATA)
        ]
    table = place / TABLE if place.is_dir() else place
    if table.suffix.lower() == ".csv" and table.is_file():
        return [
            _in_table(table, line, fields.pop("path", None), partial(_read_texts, fields), limits)
            for line, fields in records(table, ("path", "sha256"))
        ]
    if place.is_dir() or place.suffix.lower() == ".tar":
        entries = [
            _in_tar(sample, limits) for tar in tars_in(place) if tar.is_file() for sample in samples_in(tar)
        ]
        if entries:
            return entries
    raise ArchiveError(
        f"Expected an archive that `perennial samples export` wrote at {place}: tars, {METADATA} or {TABLE}; "
        "found none. Use `perennial train` for other labelled images."
    )


def _in_table(table: Path, line: int, path: Any, record: Callable[[], Record], limits: ImageLimits) -> Entry:
    def read() -> bytes:
        try:
            return read_image_file(file_named(table.parent, str(path)), limits)
        except EntryError as error:
            raise UnusableRecordError(str(error)) from error

    return Entry(f"{table} line {line}", record, read)


def _read_texts(texts: Mapping[str, str]) -> Record:
    return Record.read(from_texts(texts))


def _in_tar(sample: Sample, limits: ImageLimits) -> Entry:
    image = image_of(sample)

    def record() -> Record:
        if image is None:
            raise UnusableRecordError("It has no image.")
        try:
            return Record.read(fields_of(sample))
        except EntryError as error:
            raise UnusableRecordError(str(error)) from error

    return Entry(sample.name, record, partial(image.read_image, limits) if image is not None else bytes)
