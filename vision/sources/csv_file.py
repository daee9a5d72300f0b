"""Reads a CSV of paths and labels: columns `path` and `label`, and `split` if there is one."""

import csv
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from vision.decoding import ImageLimits
from vision.errors import MalformedSourceError
from vision.sources.files import text_lines
from vision.sources.listing import Entries
from vision.sources.rows import Rows, number_columns

_COLUMNS = ("path", "label")
_DELIMITERS = (",", ";", "\t")
_EXCELS_SEPARATOR = re.compile(r"\"?sep=[,;\t]\"?\s*", re.IGNORECASE)


def tables_in(folder: Path) -> list[Path]:
    """Return the CSVs of a folder that name paths and labels, by name."""
    return [file for file in sorted(folder.glob("*.csv")) if file.is_file() and has_columns(file, _COLUMNS)]


def has_columns(file: Path, required: Sequence[str]) -> bool:
    """Return whether a file is a CSV with these columns, and a row."""
    try:
        _, fields = next(records(file, required))
    except (MalformedSourceError, StopIteration):
        return False
    return set(required) <= set(fields)


def list_csv(file: Path, limits: ImageLimits) -> Entries:
    """List the images that a CSV names, by paths relative to it.

    The header may be in upper or lower case; the separator is a comma, a semicolon or a tab. Excel's line
    `sep=;` before it is passed over.

    Raises:
        MalformedSourceError: It is no CSV with these columns.
    """
    rows = Rows(place=file, folder=file.parent, limits=limits)
    for line, fields in records(file, _COLUMNS):
        where = f"{file.name} line {line}"
        rows.add(where, fields.get("path"), fields.get("label"), fields.get("split"))
    return rows.entries()


def records(file: Path, required: Sequence[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield (line, fields by the columns' names in lower case) of a CSV; a short row lacks its last fields.

    Raises:
        MalformedSourceError: It is no CSV, or a required column is missing.
    """
    try:
        lines = text_lines(file)
        header, num_header_lines = next(lines, ""), 1
        if _EXCELS_SEPARATOR.fullmatch(header):
            header, num_header_lines = next(lines, ""), 2
        delimiter = max(_DELIMITERS, key=header.count)
        names = next(csv.reader([header], delimiter=delimiter, strict=True), [])
        columns = number_columns(file, names, required)
        reader = csv.reader(lines, delimiter=delimiter, strict=True)
        for row in reader:
            if any(field.strip() for field in row):
                fields = {name: row[at] for name, at in columns.items() if at < len(row)}
                yield reader.line_num + num_header_lines, fields
    except (csv.Error, ValueError) as error:
        raise MalformedSourceError(
            f"Expected a CSV in UTF-8 at {file}; it can't be read ({error}). Save it again as CSV UTF-8."
        ) from error
