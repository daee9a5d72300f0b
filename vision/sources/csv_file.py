"""Reads a CSV of paths and labels: columns `path` and `label`, and `split` if there is one."""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

from vision.errors import MalformedSourceError
from vision.sources.listing import Entries
from vision.sources.rows import Rows, number_columns

_COLUMNS = ("path", "label")
_DELIMITERS = (",", ";", "\t")


def tables_in(folder: Path) -> list[Path]:
    """Return the CSVs of a folder that name paths and labels, by name."""
    return [file for file in sorted(folder.glob("*.csv")) if has_columns(file, _COLUMNS)]


def has_columns(file: Path, required: Sequence[str]) -> bool:
    """Return whether a file is a CSV with these columns, and a row."""
    try:
        _, fields = next(records(file, required))
    except (MalformedSourceError, StopIteration):
        return False
    return set(required) <= set(fields)


def list_csv(file: Path) -> Entries:
    """List the images that a CSV names, by paths relative to it.

    The header may be in upper or lower case; the separator is a comma, a semicolon or a tab.

    Raises:
        MalformedSourceError: It is no CSV with these columns.
    """
    rows = Rows(place=file, folder=file.parent)
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
        with file.open(encoding="utf-8-sig", newline="") as lines:
            header = lines.readline()
            delimiter = max(_DELIMITERS, key=header.count)
            names = next(csv.reader([header], delimiter=delimiter, strict=True), [])
            columns = number_columns(file, names, required)
            reader = csv.reader(lines, delimiter=delimiter, strict=True)
            for row in reader:
                if any(field.strip() for field in row):
                    fields = {name: row[at] for name, at in columns.items() if at < len(row)}
                    yield reader.line_num + 1, fields
    except (csv.Error, UnicodeDecodeError) as error:
        raise MalformedSourceError(
            f"Expected a CSV in UTF-8 at {file}; it can't be read ({error}). Save it again as CSV UTF-8."
        ) from error
