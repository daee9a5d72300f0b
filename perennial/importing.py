"""Brings labelled images into the store as initial samples, cut into train, validation and golden."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import repeat
from pathlib import Path
from typing import Literal

from sqlalchemy import Connection

from perennial.state import State
from store.near_duplicates import near_split
from store.sample_rows import Sample
from store.samples import NewSample, SplitSettings, add_sample, samples_by_id
from vision.errors import ImageError
from vision.perceptual_hash import perceptual_hash
from vision.preprocessing import ImageLimits, decode_image

Cut = Literal["train", "validation", "golden"]
# Golden first: what is near to a golden image is kept off the training side, not the other way round.
_ORDER: tuple[Cut, ...] = ("golden", "validation", "train")
_GROUP = 100
_NUM_THREADS = 8
SOURCE = "train"


@dataclass(frozen=True, slots=True)
class LabelledFile:
    """One image of the user's: its bytes, read when they are wanted, and its class."""

    read: Callable[[], bytes]
    label: str
    name: str

    @classmethod
    def of(cls, path: Path, label: str) -> "LabelledFile":
        """Return the image at a path."""
        return cls(path.read_bytes, label, str(path))


@dataclass(frozen=True, slots=True)
class Imported:
    """What is in the store now.

    Attributes:
        train: To learn from.
        validation: To choose on.
        golden: To judge on.
        num_moved: Images that were nearly the same as one of another part, and joined it there.
        unreadable: (name, reason) of files that are no images.
    """

    train: tuple[Sample, ...]
    validation: tuple[Sample, ...]
    golden: tuple[Sample, ...]
    num_moved: int
    unreadable: tuple[tuple[str, str], ...]


def cut(files: Sequence[LabelledFile], fraction: float) -> tuple[list[LabelledFile], list[LabelledFile]]:
    """Return (rest, taken): a fraction of each class, the same ones at every call."""
    rest, taken = [], []
    for label in sorted({file.label for file in files}):
        ranked = sorted((file for file in files if file.label == label), key=_rank)
        num_taken = max(1, round(len(ranked) * fraction))
        taken += ranked[:num_taken]
        rest += ranked[num_taken:]
    return rest, taken


def import_images(
    state: State,
    parts: Mapping[Cut, Sequence[LabelledFile]],
    class_names: Sequence[str],
    limits: ImageLimits,
    on_image: Callable[[], None] = lambda: None,
) -> Imported:
    """Store images with their labels; doing it again changes nothing.

    Args:
        state: Where to.
        parts: The images by part.
        class_names: All labels.
        limits: How large an image may be.
        on_image: Called after each image.
    """
    ids: list[int] = []
    num_moved, unreadable = 0, list[tuple[str, str]]()

    def store(file: LabelledFile, part: Cut) -> NewSample | ImageError:
        return _stored(state, file, part, limits)

    # One by one, each image would wait for the disk.
    with ThreadPoolExecutor(_NUM_THREADS, thread_name_prefix="import") as threads:
        for part, group in _groups(parts):
            new = []
            for file, stored in zip(group, threads.map(store, group, repeat(part)), strict=False):
                if isinstance(stored, NewSample):
                    new.append(stored)
                else:
                    unreadable.append((file.name, str(stored)))
                on_image()
            group_ids, moved = state.database.write(_adding(new, class_names))
            ids += group_ids
            num_moved += moved
    with state.database.read() as connection:
        found = [sample for sample in samples_by_id(connection, ids) if sample.state == "accepted"]
    train, validation, golden = (
        tuple(sample for sample in found if sample.split == split)
        for split in ("train", "validation", "golden")
    )
    return Imported(train, validation, golden, num_moved, tuple(unreadable))


def _stored(state: State, file: LabelledFile, part: Cut, limits: ImageLimits) -> NewSample | ImageError:
    content = file.read()
    try:
        phash = perceptual_hash(decode_image(content, limits))
    except ImageError as error:
        return error
    return NewSample(
        sha256=state.blobs.put(content),
        phash=phash,
        origin="initial",
        source=SOURCE,
        label=file.label,
        split=part,
    )


def _adding(
    new: Sequence[NewSample], class_names: Sequence[str]
) -> Callable[[Connection], tuple[list[int], int]]:
    settings = SplitSettings()

    def work(connection: Connection) -> tuple[list[int], int]:
        ids, num_moved = [], 0
        for sample in new:
            near = near_split(connection, sample.phash, settings.near_duplicate_distance)
            split = near or sample.split
            num_moved += split != sample.split
            moved = replace(sample, split=split)
            ids.append(add_sample(connection, moved, class_names, settings).sample_id)
        return ids, num_moved

    return work


def _groups(
    parts: Mapping[Cut, Sequence[LabelledFile]],
) -> Iterator[tuple[Cut, Sequence[LabelledFile]]]:
    for part in _ORDER:
        files = parts.get(part, ())
        for start in range(0, len(files), _GROUP):
            yield part, files[start : start + _GROUP]


def _rank(file: LabelledFile) -> str:
    return hashlib.sha256(Path(file.name).name.encode()).hexdigest()
