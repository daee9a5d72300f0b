"""Lists parquet files with a column of images and one of labels, as Hugging Face `datasets` writes them."""

import importlib
import json
import os
import tempfile
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from vision.decoding import ImageLimits
from vision.errors import MalformedSourceError, ReaderMissingError
from vision.sources.files import read_image_file
from vision.sources.listing import Entries, EntryError, LabelledImage, label_of, shown, split_in
from vision.sources.rows import file_named, number_columns

# Rows are large, since each holds an image.
_NUM_ROWS_AT_ONCE = 64


def parquet_files(place: Path) -> list[Path]:
    """Return a parquet file, or those of a folder and its `data` folder, by name."""
    if place.is_dir():
        found = (path for folder in (place, place / "data") for path in folder.glob("*.parquet"))
        return sorted(path for path in found if path.is_file())
    return [place]


def list_parquet(place: Path, limits: ImageLimits) -> Entries:
    """List the rows of parquet files: column `image` (bytes, or a struct of bytes and path) and `label`.

    A label is a text or a number. If the schema's `huggingface` metadata has class names, they replace the
    numbers. The split is the one in the file's name (train-00000-of-00001.parquet). The images are unpacked
    to a scratch file, because a parquet file can only be read many rows at a time.

    Raises:
        ReaderMissingError: pyarrow is not installed.
        MalformedSourceError: A file is no parquet with these columns.
    """
    images, refused, scratch = list[LabelledImage](), list[tuple[str, str]](), _Scratch()
    for path in parquet_files(place):
        for number, row in enumerate(_rows(path)):
            name = f"{shown(path)} row {number}"
            try:
                label = label_of(row.label)
                read = _reader(row.image, path.parent, scratch, limits)
            except EntryError as error:
                refused.append((name, str(error)))
            else:
                images.append(LabelledImage(read, label, name, split_in(path.name)))
    return Entries(place, images, refused)


@dataclass(frozen=True, slots=True)
class _Row:
    image: Any
    label: Any


class _Scratch:
    """A temporary file without a name; it is written once and read in any order by any thread."""

    def __init__(self) -> None:
        self._descriptor, name = tempfile.mkstemp(prefix="perennial-")
        os.unlink(name)
        self._end = 0
        weakref.finalize(self, os.close, self._descriptor)

    def write(self, content: bytes) -> tuple[int, int]:
        """Append bytes and return where they are: the arguments of `read`.

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


def _rows(path: Path) -> Iterator[_Row]:
    arrow, parquet = _import("pyarrow"), _import("pyarrow.parquet")
    try:
        with parquet.ParquetFile(path) as file:
            schema = file.schema_arrow
            columns = number_columns(path, schema.names, ("image", "label"))
            image, label = (schema.field(columns[name]) for name in ("image", "label"))
            _check_type(arrow, path, image.type)
            names = _class_names(schema.metadata or {}, label.name)
            for batch in file.iter_batches(_NUM_ROWS_AT_ONCE, columns=[image.name, label.name]):
                labels = batch.column(label.name).to_pylist()
                for content, value in zip(batch.column(image.name), labels, strict=True):
                    yield _Row(content.as_py(), _named(value, names))
    except arrow.ArrowException as error:
        raise _malformed(path, str(error)) from error


def _reader(image: Any, folder: Path, scratch: _Scratch, limits: ImageLimits) -> Callable[[], bytes]:
    content = image.get("bytes") if isinstance(image, dict) else image
    if content is not None:
        return partial(scratch.read, *scratch.write(content))
    path = image.get("path") if isinstance(image, dict) else None
    if not path:
        raise EntryError("It has no image.")
    return partial(read_image_file, file_named(folder, str(path)), limits)


def _named(label: Any, names: list[str] | None) -> Any:
    if names is None or not isinstance(label, int):
        return label
    # Hugging Face writes -1 for an unknown label.
    return names[label] if 0 <= label < len(names) else None


def _check_type(arrow: Any, path: Path, column_type: Any) -> None:
    types = arrow.types
    is_struct = types.is_struct(column_type) and column_type.get_field_index("bytes") >= 0
    if not (is_struct or types.is_binary(column_type) or types.is_large_binary(column_type)):
        raise _malformed(path, f"column image is of type {column_type}")


def _malformed(path: Path, reason: str) -> MalformedSourceError:
    return MalformedSourceError(
        f"Expected a parquet file with a column image (bytes, or bytes and path) and a column label at "
        f"{path}; found another ({reason}). Write it again, or copy it again."
    )


def _class_names(metadata: dict[bytes, bytes], column: str) -> list[str] | None:
    """Return the class names by number, if the schema's metadata have them."""
    try:
        names = json.loads(metadata[b"huggingface"])["info"]["features"][column]["names"]
    except (KeyError, TypeError, ValueError):
        return None
    return [str(name) for name in names] if isinstance(names, list) else None


def _import(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ReaderMissingError(
            "Expected pyarrow, which reads parquet files; it is not installed. "
            "Install it: pip install 'perennial[parquet]'"
        ) from error
