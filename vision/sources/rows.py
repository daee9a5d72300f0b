"""Gathers rows that name an image file and its label, whatever table they come from."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PureWindowsPath

from vision.decoding import ImageLimits
from vision.errors import MalformedSourceError
from vision.sources.files import read_image_file
from vision.sources.listing import Entries, EntryError, LabelledImage, Split, label_of, shown, split_of


@dataclass(slots=True)
class Rows:
    """Gathers rows to a listing.

    Attributes:
        place: The source, for messages.
        folder: The folder that the paths are relative to.
        limits: What one image may cost.
        default: The split of rows that name none.
    """

    place: Path
    folder: Path
    limits: ImageLimits
    default: Split | None = None
    _images: list[LabelledImage] = field(default_factory=list)
    _refused: list[tuple[str, str]] = field(default_factory=list)

    def add(self, where: str, path: object, label: object, split: object = None) -> None:
        """Add a row, or list it as refused if it is no labelled image.

        Args:
            where: The row's name if it is refused.
            path: Of the image, relative to the folder.
            label: A text, or a whole number.
            split: A split's name; None or empty leaves it to the default.
        """
        try:
            self._add(path, label, split)
        except EntryError as error:
            self._refused.append((where, str(error)))

    def entries(self) -> Entries:
        """Return the listing."""
        return Entries(self.place, self._images, self._refused)

    def _add(self, path: object, label: object, split: object) -> None:
        if not isinstance(path, str) or not path.strip():
            raise EntryError("It names no file.")
        file = file_named(self.folder, path)
        read = partial(read_image_file, file, self.limits)
        self._images.append(LabelledImage(read, label_of(label), shown(file), self._split(split)))

    def _split(self, named: object) -> Split | None:
        if named is None or not str(named).strip():
            return self.default
        split = split_of(str(named))
        if split is None:
            raise EntryError(f"Expected train, val or test as split, found {named!r}.")
        return split


def file_named(folder: Path, path: str) -> Path:
    """Return the file that a table names, relative to a folder; Windows' backslashes are read too.

    Raises:
        EntryError: No file here can have that name.
    """
    file = folder / path.strip()
    try:
        file.stat()
    # It has a zero byte, or half of a surrogate pair.
    except ValueError as error:
        raise EntryError(
            f"Expected the path of a file, found {path!r:.80}, which no file can have."
        ) from error
    except OSError:
        is_there = False
    else:
        is_there = True
    if is_there or "\\" not in path:
        return file
    if PureWindowsPath(path.strip()).drive:
        raise EntryError(
            f"Expected a path on this machine, found {path!r:.80}. Write it relative to the table."
        )
    return folder / path.strip().replace("\\", "/")


def number_columns(file: Path, names: Sequence[str], required: Sequence[str]) -> dict[str, int]:
    """Return the index of each column, by its name in lower case.

    Raises:
        MalformedSourceError: A required column is missing, or exists twice.
    """
    folded = [name.strip().casefold() for name in names]
    present = ", ".join(repr(name) for name in names) or "nothing"
    missing = [name for name in required if name not in folded]
    if missing:
        raise MalformedSourceError(
            f"Expected columns {' and '.join(required)} in the first line of {file}; found {present}. "
            f"Add a header that names {' and '.join(missing)}."
        )
    twice = [name for name in required if folded.count(name) > 1]
    if twice:
        raise MalformedSourceError(
            f"Expected one column {twice[0]} in {file}; found {present}. Rename or remove the other."
        )
    return {name: at for at, name in reversed(list(enumerate(folded)))}
