"""Parquet files with a column of images and one of labels, as Hugging Face `datasets` writes them."""

import importlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from vision.errors import MalformedSourceError, ReaderMissingError
from vision.sources.listing import Entries, EntryError, LabelledImage, label_of, split_in
from vision.sources.rows import number_columns
from vision.sources.scratch import Scratch

# Rows are large: an image each.
_NUM_ROWS_AT_ONCE = 64


def parquet_files(place: Path) -> list[Path]:
    """Return a parquet file, or those of a folder and its `data` folder, by name."""
    if place.is_dir():
        return sorted(path for folder in (place, place / "data") for path in folder.glob("*.parquet"))
    return [place]


def list_parquet(place: Path) -> Entries:
    """List the rows of parquet files: column `image` (bytes, or a struct of bytes and path) and `label`.

    A label is a text, or a number, which is named by the class names in the schema's `huggingface` metadata
    where there are any. The split is the one in the file's name (train-00000-of-00001.parquet). The images
    are unpacked to a scratch file: a parquet file can only be read by many rows at a time.

    Raises:
        ReaderMissingError: pyarrow is not installed.
        MalformedSourceError: A file is no parquet with these columns.
    """
    images, refused, scratch = list[LabelledImage](), list[tuple[str, str]](), Scratch()
    for path in parquet_files(place):
        for number, row in enumerate(_rows(path)):
            name = f"{path} row {number}"
            try:
                label = label_of(row.label)
                read = _reader(row.image, path.parent, scratch)
            except EntryError as error:
                refused.append((name, str(error)))
            else:
                images.append(LabelledImage(read, label, name, split_in(path.name)))
    return Entries(place, images, refused)


@dataclass(frozen=True, slots=True)
class _Row:
    image: Any
    label: Any


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


def _reader(image: Any, folder: Path, scratch: Scratch) -> Callable[[], bytes]:
    content = image.get("bytes") if isinstance(image, dict) else image
    if content is not None:
        return partial(scratch.read, *scratch.write(content))
    path = image.get("path") if isinstance(image, dict) else None
    if not path:
        raise EntryError("It has no image.")
    file = folder / str(path)
    return file.read_bytes


def _named(label: Any, names: list[str] | None) -> Any:
    if names is None or not isinstance(label, int):
        return label
    # Hugging Face writes -1 where a label is not known.
    return names[label] if 0 <= label < len(names) else None


def _check_type(arrow: Any, path: Path, found: Any) -> None:
    types = arrow.types
    is_struct = types.is_struct(found) and found.get_field_index("bytes") >= 0
    if not (is_struct or types.is_binary(found) or types.is_large_binary(found)):
        raise _malformed(path, f"column image is of type {found}")


def _malformed(path: Path, reason: str) -> MalformedSourceError:
    return MalformedSourceError(
        f"Expected a parquet file with a column image (bytes, or bytes and path) and a column label at "
        f"{path}; found another ({reason}). Write it again, or copy it again."
    )


def _class_names(metadata: dict[bytes, bytes], column: str) -> list[str] | None:
    """Return the names of the labels' numbers, where the schema's metadata tell them."""
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
