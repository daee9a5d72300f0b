"""The listing that every source of labelled images returns; the bytes are read from it one by one."""

import os
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from vision.errors import ClassNameError, LabelError
from vision.labels import clean_label, first_twins

Split = Literal["train", "val", "test"]

IMAGE_SUFFIXES = frozenset(
    {
        *(".jpg", ".jpeg", ".jpe", ".jfif", ".jif", ".pjpeg", ".pjp", ".mpo"),
        *(".png", ".apng", ".webp", ".avif", ".heic", ".heif", ".hif"),
    }
)
# Folders that Windows, Linux, macOS, network drives and Python make beside a user's own.
_JUNK = frozenset(
    {
        "$recycle.bin",
        "recycler",
        "system volume information",
        "lost+found",
        "__macosx",
        "@eadir",
        "@tmp",
        "#recycle",
        "#snapshot",
        "@recycle",
        "@recently-snapshot",
        "~snapshot",
        "__pycache__",
    }
)
#: How many of what a message names are named in it.
NUM_NAMED = 5
_SPLITS: dict[str, Split] = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
    # Our own exports use these names for samples that are judged on.
    "holdout": "test",
    "golden": "test",
}


class EntryError(Exception):
    """An entry is no labelled image; its reader catches this and lists the entry as refused."""


@dataclass(frozen=True, slots=True)
class LabelledImage:
    """One image of the user's.

    Attributes:
        read: Returns its bytes; raises ImageError or OSError if it can't.
        label: Its class.
        name: Its name in messages.
        split: The part that the source puts it in, or None if the source doesn't say.
    """

    read: Callable[[], bytes]
    label: str
    name: str
    split: Split | None = None


class Listing(Protocol):
    """The contents of a source, before any image was decoded."""

    @property
    def place(self) -> Path:
        """Where it is."""

    @property
    def class_names(self) -> tuple[str, ...]:
        """All labels, sorted; some may have no image."""

    @property
    def images(self) -> Sequence[LabelledImage]:
        """Its images, in a stable order."""

    @property
    def refused(self) -> Sequence[tuple[str, str]]:
        """(name, reason) of entries that are no labelled image at all."""

    @property
    def passed_over(self) -> Sequence[tuple[str, str]]:
        """(name, reason) of folders and files that are no part of the source."""

    @property
    def notes(self) -> Sequence[str]:
        """Sentences on what a person may not know of it."""


@dataclass(frozen=True, slots=True)
class Entries:
    """A listing of a source whose classes are those that its images have."""

    place: Path
    images: Sequence[LabelledImage]
    refused: Sequence[tuple[str, str]]
    passed_over: Sequence[tuple[str, str]] = ()
    notes: Sequence[str] = ()

    @property
    def class_names(self) -> tuple[str, ...]:
        """All labels that there are, sorted."""
        return tuple(sorted({image.label for image in self.images}))


def is_junk(name: str) -> bool:
    """Return whether a system or a tool made the folder of that name, or hides it behind a dot.

    >>> is_junk("@eaDir"), is_junk(".ipynb_checkpoints"), is_junk("ants")
    (True, True, False)
    """
    return name.startswith(".") or name.casefold() in _JUNK


def shown(path: Path | str) -> str:
    """Return a path as text that any screen and database takes: what is no UTF-8 or no print is escaped.

    >>> shown("caf\\udce9\\x1b.jpg")
    'caf\\\\xe9\\\\x1b.jpg'
    """
    text = os.fsencode(path).decode(errors="backslashreplace")
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def reasons(left_out: Sequence[tuple[str, str]]) -> str:
    """Return the end of a sentence that names the first of what was left out, a line for each."""
    if not left_out:
        return "."
    return ":" + "".join(f"\n  {name}: {reason}" for name, reason in left_out[:NUM_NAMED])


def also_left_out(left_out: Sequence[tuple[str, str]]) -> str:
    """Return a sentence that names the first of what was left out, or nothing."""
    return f" Left out are{reasons(left_out)}" if left_out else ""


def split_of(name: str) -> Split | None:
    """Return the split that a word names, or None.

    >>> split_of("Validation")
    'val'
    """
    return _SPLITS.get(name.strip().casefold())


def split_in(file_name: str) -> Split | None:
    """Return the split that is a part of a file's name, or None.

    >>> split_in("birds-train-000001.tar"), split_in("strain-000001.tar")
    ('train', None)
    """
    words = re.split(r"[^a-z]+", Path(file_name).stem.casefold())
    return next((split for word in words if (split := split_of(word)) is not None), None)


def label_of(value: object) -> str:
    """Return an entry's label as the name of a class.

    Raises:
        EntryError: It can't be one.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | None):
        raise EntryError(f"Expected a text or a whole number as label, found {value!r:.80}.")
    try:
        return clean_label("" if value is None else str(value))
    except LabelError as error:
        raise EntryError(str(error)) from error


def refuse_twins(class_names: Iterable[str], place: Path) -> None:
    """Raise if people would take two classes' names for one.

    Raises:
        ClassNameError: Two names differ only in case, in spaces or in what is invisible.
    """
    twins = first_twins(class_names)
    if twins is not None:
        raise ClassNameError(
            f"Expected classes whose names differ by more than case, spaces and invisible characters; found "
            f"{twins[0]!r} and {twins[1]!r} in {shown(place)}. Give both one name, or rename one."
        )
