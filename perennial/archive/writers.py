"""Writes an archive as tars, as folders of classes, or as a CSV beside images."""

import csv
import json
import re
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import IO, Literal, Protocol
from urllib.parse import quote

from perennial.archive.record import Record, to_texts
from perennial.archive.shards import Shards, suffix_of
from store.durable import sync_file, sync_folder

Format = Literal["webdataset", "folder", "csv"]
METADATA = "metadata.jsonl"
TABLE = "samples.csv"
_MAX_NAME_BYTES = 200


class Writer(Protocol):
    """Writes samples one after another; after `close` they are complete and on the disk."""

    def add(self, record: Record, content: bytes) -> None:
        """Write a sample."""

    def close(self) -> None:
        """Finish."""


class FolderWriter:
    """FOLDER/CLASS/SHA256.jpg, with all fields in FOLDER/metadata.jsonl.

    Images without a label in force are outside of the class folders.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._folder = folder
        self._lines = (folder / METADATA).open("w", encoding="utf-8")

    def add(self, record: Record, content: bytes) -> None:
        """Write a sample."""
        inside = "" if record.label is None else f"{folder_name(record.label)}/"
        name = f"{inside}{record.sha256}.{suffix_of(content)}"
        _write(self._folder / name, content)
        line = record.model_dump_json()
        self._lines.write(f'{{"file_name":{_json_text(name)},{line[1:]}\n')

    def close(self) -> None:
        """Finish."""
        _finish(self._folder, self._lines)


class CsvWriter:
    """FOLDER/samples.csv with all fields, and FOLDER/images/SHA256.jpg."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._folder = folder
        self._file = (folder / TABLE).open("w", encoding="utf-8", newline="")
        self._table = csv.DictWriter(self._file, ["path", *Record.model_fields])
        self._table.writeheader()

    def add(self, record: Record, content: bytes) -> None:
        """Write a sample."""
        name = f"images/{record.sha256}.{suffix_of(content)}"
        _write(self._folder / name, content)
        self._table.writerow({"path": name, **to_texts(record)})

    def close(self) -> None:
        """Finish."""
        _finish(self._folder, self._file)


WRITERS: dict[Format, Callable[[Path], Writer]] = {
    "webdataset": Shards.in_folder,
    "folder": FolderWriter,
    "csv": CsvWriter,
}


def folder_name(label: str) -> str:
    """Return the name of a class's folder: the label, with characters escaped that file systems refuse.

    >>> folder_name("a/b"), folder_name("St. Bernard"), folder_name("..")
    ('a%2Fb', 'St. Bernard', '%2E.')
    """
    name = re.sub(r'[/\\%:*?"<>|\x00-\x1f\x7f]|^\.|\.(?=jsonl$)', _escaped, label)
    if len(name.encode()) <= _MAX_NAME_BYTES:
        return name
    start = name.encode()[: _MAX_NAME_BYTES - 17].decode(errors="ignore")
    return f"{start}~{sha256(label.encode()).hexdigest()[:16]}"


def _escaped(match: re.Match[str]) -> str:
    return quote(match[0], safe="") if match[0] != "." else "%2E"


def _json_text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _write(file: Path, content: bytes) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(content)
    sync_file(file)


def _finish(folder: Path, table: IO[str]) -> None:
    table.close()
    sync_file(Path(table.name))
    for inside in (*(path for path in folder.iterdir() if path.is_dir()), folder):
        sync_folder(inside)
