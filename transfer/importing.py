"""Brings labelled images into the store as initial samples, cut into train, validation and golden."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from store.database.chunks import chunks
from store.samples.contradictions import disputed_samples
from store.samples.near_duplicates import near_split
from store.samples.new_samples import NewSample
from store.samples.sample import Sample
from store.samples.samples import add_sample, samples_by_id
from store.samples.splits import SplitSettings
from store.state import State
from transfer.cuts import PartName
from transfer.settings import TrainSettings
from vision.decoding import ImageLimits, decode_image
from vision.errors import ImageError
from vision.perceptual_hash import perceptual_hash
from vision.sources.listing import LabelledImage

# Golden first: a training image that is near to a golden one joins it, not the other way round.
_ORDER: tuple[PartName, ...] = ("golden", "validation", "train")
_GROUP = 100
_NUM_THREADS = 8
SOURCE = "train"


@dataclass(frozen=True, slots=True)
class Imported:
    """Imported images by their part.

    Attributes:
        train: To learn from.
        validation: To choose on.
        golden: To judge on.
        num_moved: Images that were nearly the same as one of another part, and joined it there.
        left_out: (name, reason) of files that are no images, of images that a trusted source gave another
            label, and of images near to a holdout sample.
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


def import_images(
    state: State,
    parts: Mapping[PartName, Sequence[LabelledImage]],
    class_names: Sequence[str],
    settings: TrainSettings,
    on_image: Callable[[], None] = lambda: None,
) -> Imported:
    """Store images with their labels; doing it again changes nothing.

    Args:
        state: Where the images go.
        parts: The images by part.
        class_names: Every label.
        settings: What one image may cost, and how near two pictures of one thing are.
        on_image: Called after each image.
    """
    stored, unreadable = _store_bytes(state, parts, settings.limits, on_image)
    ids, num_moved = list[int](), 0
    for group in chunks((each.sample for each in stored), _GROUP):
        group_ids, moved = state.database.write(_adding(group, class_names, settings.split))
        ids += group_ids
        num_moved += moved
    with state.database.read() as connection:
        samples = samples_by_id(connection, ids)
        waiting = disputed_samples(connection, ids)
    names = dict(zip(ids, (each.name for each in stored), strict=True))
    labels = dict(zip(ids, (each.sample.label for each in stored), strict=True))
    # One that is settled has the settled label, whatever its folder says.
    unsettled = {sample.id for sample in samples if sample.label != labels[sample.id]} & waiting
    accepted = [sample for sample in samples if sample.id not in unsettled]
    disputed = [
        (
            names[sample.id],
            f"a trusted source called it {sample.label}, and nobody has settled which is right",
        )
        for sample in samples
        if sample.id in unsettled
    ]
    held_out = [
        (names[sample.id], "nearly the same as a holdout sample of feedback, which nothing may learn from")
        for sample in accepted
        if sample.split == "holdout"
    ]
    train, validation, golden = (
        tuple(sample for sample in accepted if sample.split == split)
        for split in ("train", "validation", "golden")
    )
    return Imported(train, validation, golden, num_moved, (*unreadable, *disputed, *held_out))


def _store_bytes(
    state: State,
    parts: Mapping[PartName, Sequence[LabelledImage]],
    limits: ImageLimits,
    on_image: Callable[[], None],
) -> tuple[list[_Stored], list[tuple[str, str]]]:
    """Return the stored samples, and (name, reason) of files that are no images."""
    stored, unreadable = list[_Stored](), list[tuple[str, str]]()
    items = ((part, file) for part in _ORDER for file in parts.get(part, ()))

    def store(item: tuple[PartName, LabelledImage]) -> NewSample | ImageError:
        return _stored(state, item[1], item[0], limits)

    # In several threads, since each image waits for the disk.
    with ThreadPoolExecutor(_NUM_THREADS, thread_name_prefix="import") as threads:
        for group in chunks(items, _GROUP):
            for (_, file), result in zip(group, threads.map(store, group), strict=True):
                if isinstance(result, NewSample):
                    stored.append(_Stored(file.name, result))
                else:
                    unreadable.append((file.name, str(result)))
                on_image()
    return stored, unreadable


def _stored(state: State, file: LabelledImage, part: PartName, limits: ImageLimits) -> NewSample | ImageError:
    try:
        content = file.read()
        phash = perceptual_hash(decode_image(content, limits))
    except ImageError as error:
        return error
    return NewSample(
        sha256=state.blobs.put(content),
        phash=phash,
        origin="initial",
        source=SOURCE,
        label=file.label,
        is_trusted=True,
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
