"""Brings labelled images into the store as initial samples, cut into train, validation and golden."""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from sqlalchemy import Connection

from perennial.state import State
from store.chunks import chunks
from store.near_duplicates import near_split
from store.sample_rows import Sample
from store.samples import NewSample, SplitSettings, add_sample, samples_by_id
from vision.errors import ImageError
from vision.perceptual_hash import perceptual_hash
from vision.preprocessing import ImageLimits, decode_image
from vision.sources.listing import LabelledImage

Cut = Literal["train", "validation", "golden"]
# Golden first: what is near to a golden image is kept off the training side, not the other way round.
_ORDER: tuple[Cut, ...] = ("golden", "validation", "train")
_GROUP = 100
_NUM_THREADS = 8
SOURCE = "train"


@dataclass(frozen=True, slots=True)
class Imported:
    """What is in the store now.

    Attributes:
        train: To learn from.
        validation: To choose on.
        golden: To judge on.
        num_moved: Images that were nearly the same as one of another part, and joined it there.
        left_out: (name, reason) of files that are no images, and of images whose label is in doubt.
    """

    train: tuple[Sample, ...]
    validation: tuple[Sample, ...]
    golden: tuple[Sample, ...]
    num_moved: int
    left_out: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class _Stored:
    name: str
    sample: NewSample


def cut(files: Sequence[LabelledImage], fraction: float) -> tuple[list[LabelledImage], list[LabelledImage]]:
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
    parts: Mapping[Cut, Sequence[LabelledImage]],
    class_names: Sequence[str],
    limits: ImageLimits,
    split: SplitSettings,
    on_image: Callable[[], None] = lambda: None,
) -> Imported:
    """Store images with their labels; doing it again changes nothing.

    One picture under several labels is left out whole: which of them is right nobody can tell.

    Args:
        state: Where to.
        parts: The images by part.
        class_names: All labels.
        limits: How large an image may be.
        split: How near two pictures of one thing are.
        on_image: Called after each image.
    """
    stored, unreadable = _store_bytes(state, parts, limits, on_image)
    agreed, contradicting = _without_contradictions(stored)
    ids, num_moved = list[int](), 0
    for group in chunks((each.sample for each in agreed), _GROUP):
        group_ids, moved = state.database.write(_adding(group, class_names, split))
        ids += group_ids
        num_moved += moved
    with state.database.read() as connection:
        found = samples_by_id(connection, ids)
    accepted = [sample for sample in found if sample.state == "accepted"]
    names = dict(zip(ids, (each.name for each in agreed), strict=True))
    disputed = [
        (names[sample.id], "feedback gave it another label, and nobody has settled which is right")
        for sample in found
        if sample.state != "accepted"
    ]
    train, validation, golden = (
        tuple(sample for sample in accepted if sample.split == split)
        for split in ("train", "validation", "golden")
    )
    return Imported(train, validation, golden, num_moved, (*unreadable, *contradicting, *disputed))


def _store_bytes(
    state: State,
    parts: Mapping[Cut, Sequence[LabelledImage]],
    limits: ImageLimits,
    on_image: Callable[[], None],
) -> tuple[list[_Stored], list[tuple[str, str]]]:
    """Return what was stored, and (name, reason) of what is no image."""
    stored, unreadable = list[_Stored](), list[tuple[str, str]]()
    items = ((part, file) for part in _ORDER for file in parts.get(part, ()))

    def store(item: tuple[Cut, LabelledImage]) -> NewSample | ImageError:
        return _stored(state, item[1], item[0], limits)

    # One by one, each image would wait for the disk.
    with ThreadPoolExecutor(_NUM_THREADS, thread_name_prefix="import") as threads:
        for group in chunks(items, _GROUP):
            for (_, file), found in zip(group, threads.map(store, group), strict=True):
                if isinstance(found, NewSample):
                    stored.append(_Stored(file.name, found))
                else:
                    unreadable.append((file.name, str(found)))
                on_image()
    return stored, unreadable


def _without_contradictions(stored: Sequence[_Stored]) -> tuple[list[_Stored], list[tuple[str, str]]]:
    """Return what has one label, and (name, reason) of pictures that come with several."""
    names = defaultdict[str, dict[str, str]](dict)
    for each in stored:
        names[each.sample.sha256].setdefault(each.sample.label, each.name)
    agreed, contradicting = list[_Stored](), list[tuple[str, str]]()
    for each in stored:
        others = [name for label, name in names[each.sample.sha256].items() if label != each.sample.label]
        if others:
            contradicting.append((each.name, f"the same picture as {others[0]}, which has another label"))
        else:
            agreed.append(each)
    return agreed, contradicting


def _stored(state: State, file: LabelledImage, part: Cut, limits: ImageLimits) -> NewSample | ImageError:
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
    new: Sequence[NewSample], class_names: Sequence[str], settings: SplitSettings
) -> Callable[[Connection], tuple[list[int], int]]:
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


def _rank(file: LabelledImage) -> str:
    return hashlib.sha256(Path(file.name).name.encode()).hexdigest()
