"""Lists a folder of images with `metadata.csv` or `metadata.jsonl`, as Hugging Face `datasets` reads it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from vision.decoding import ImageLimits
from vision.errors import MalformedSourceError
from vision.sources.csv_file import records
from vision.sources.files import text_lines
from vision.sources.listing import Entries, LabelledImage, Split, split_of
from vision.sources.rows import Rows

_NAMES = ("metadata.csv", "metadata.jsonl")
_COLUMNS = ("file_name", "label")


def metadata_files(directory: Path) -> list[Path]:
    """Return the metadata of a folder: its own, or else that of its train, validation and test folders."""
    folders = [
        directory,
        *sorted(path for path in directory.iterdir() if path.is_dir() and split_of(path.name)),
    ]
    files = [folder / name for folder in folders for name in _NAMES if (folder / name).is_file()]
    return [file for file in files if file.parent == directory] or files


def names_labels(file: Path) -> bool:
    """Return whether a metadata file has the columns that label images: some only describe them."""
    try:
        _, fields = next(_records(file, _COLUMNS))
    except (MalformedSourceError, StopIteration):
        return False
    return set(_COLUMNS) <= set(fields)


def list_metadata_folder(directory: Path, limits: ImageLimits) -> Entries:
    """List the images that a folder's metadata name by `file_name`, relative to the folder, and `label`.

    The split is that of the column `split`, else that of the image's folder (train, validation, test).

    Raises:
        MalformedSourceError: A metadata file lacks these columns, or can't be read.
    """
    images, refused = list[LabelledImage](), list[tuple[str, str]]()
    for file in metadata_files(directory):
        split = split_of(file.parent.name) if file.parent != directory else None
        rows = Rows(file, file.parent, limits, split)
        for line, fields in _records(file, _COLUMNS):
            path = fields.get("file_name")
            named = fields.get("split") or _split_of_path(path)
            rows.add(f"{file.name} line {line}", path, fields.get("label"), named)
        entries = rows.entries()
        images += entries.images
        refused += entries.refused
    return Entries(directory, images, refused)


def _records(file: Path, required: tuple[str, ...]) -> Iterator[tuple[int, dict[str, Any]]]:
    return iter(records(file, required)) if file.suffix == ".csv" else json_lines(file)


def json_lines(file: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield (line, fields) of a file of JSON objects, one a line.

    Raises:
        MalformedSourceError: A line is no JSON object.
    """
    try:
        for number, line in enumerate(text_lines(file), start=1):
            if line.strip():
                fields = json.loads(line)
                if not isinstance(fields, dict):
                    raise ValueError(f"line {number} holds {type(fields).__name__}, no object")
                yield number, fields
    except (ValueError, RecursionError) as error:
        raise MalformedSourceError(
            f"Expected one JSON object a line in {file}; it can't be read ({error}). Repair or remove it."
        ) from error


def _split_of_path(path: object) -> Split | None:
    # Windows writes backslashes.
    folder, _, name = path.replace("\\", "/").partition("/") if isinstance(path, str) else ("", "", "")
    return split_of(folder) if name else None
