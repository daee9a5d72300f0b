"""Brings an archive's samples into the store; doing it again, or after a crash, doubles nothing."""

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from sqlalchemy import Connection

from perennial.archive.entries import Entry, entries_of
from perennial.archive.record import Record
from perennial.errors import ArchiveError, UnusableRecordError
from store.database.chunks import chunks
from store.kept_samples import Arrival, bring_back
from store.samples.splits import SplitSettings
from store.state import State
from vision.decoding import ImageLimits, decode_image
from vision.errors import ImageError
from vision.perceptual_hash import perceptual_hash

# Samples of one commit; all their images are in memory, and an image may be 20 MiB.
_GROUP = 32
_NUM_THREADS = 8


@dataclass(slots=True)
class Report:
    """The outcome of an import.

    Attributes:
        num_added: New here.
        num_labelled: Known here, with a label of a new source.
        num_known: Already there, with all their labels.
        num_moved: Added to the split of a sample here that is near to them, or of their group.
        refused: (name, reason) of samples or labels that were not imported.
    """

    num_added: int = 0
    num_labelled: int = 0
    num_known: int = 0
    num_moved: int = 0
    refused: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Ready:
    record: Record
    content: bytes
    phash: int


def import_samples(
    state: State,
    place: Path,
    limits: ImageLimits,
    split: SplitSettings,
    on_sample: Callable[[int, int], None] | None = None,
    *,
    is_trusted: bool = False,
) -> Report:
    """Bring in what `export_samples` wrote.

    Args:
        state: Where to.
        place: The archive.
        limits: What one image may cost.
        split: How near two pictures of one thing are.
        on_sample: Called after each sample with (samples done, samples in all).
        is_trusted: Labels that were trusted or settled where they were exported are so here too. Else
            nobody's label is, as an archive may say what it likes.

    Raises:
        ArchiveError: There is no archive, or nothing in it can be imported.
        SourceError: A tar or a table can't be read.
    """
    entries, report, num_done = entries_of(place, limits), Report(), 0
    with ThreadPoolExecutor(_NUM_THREADS, thread_name_prefix="import") as threads:
        for group in chunks(entries, _GROUP):
            ready = list[tuple[str, _Ready]]()
            for entry, result in zip(group, threads.map(partial(_ready, state, limits), group), strict=True):
                if isinstance(result, _Ready):
                    ready.append((entry.name, result))
                else:
                    report.refused.append((entry.name, result))
            _count(report, ready, _add(state, ready, split, is_trusted=is_trusted))
            num_done += len(group)
            if on_sample is not None:
                on_sample(num_done, len(entries))
    if report.refused and not report.num_added + report.num_labelled + report.num_known:
        name, reason = report.refused[0]
        raise ArchiveError(
            f"Expected samples as `perennial samples export` writes them in {place}; none of {len(entries)} "
            f"can be imported, such as {name}: {reason} Use `perennial train` for other labelled images."
        )
    return report


def _ready(state: State, limits: ImageLimits, entry: Entry) -> _Ready | str:
    """Return a sample whose bytes are in the store, or the reason why it can't be imported."""
    try:
        record = entry.record()
        content = entry.read()
        phash = perceptual_hash(decode_image(content, limits))
    except (UnusableRecordError, ImageError) as error:
        return str(error)
    except OSError as error:
        return f"Its image can't be read ({error.strerror})."
    if hashlib.sha256(content).hexdigest() != record.sha256:
        return "Its bytes are not those that were exported: their SHA-256 is another."
    state.blobs.put(content)
    return _Ready(record, content, phash)


def _add(
    state: State, ready: Sequence[tuple[str, _Ready]], split: SplitSettings, *, is_trusted: bool
) -> list[Arrival]:
    def work(connection: Connection) -> list[Arrival]:
        # Clean-up may have removed the bytes since they were put, since no row names them yet.
        state.blobs.ensure({each.record.sha256: each.content for _, each in ready})
        return [
            bring_back(
                connection,
                each.record.sample(each.phash),
                each.record.source_labels(is_trusted),
                each.record.known_labels(),
                split,
            )
            for _, each in ready
        ]

    return state.database.write(work) if ready else []


def _count(report: Report, ready: Sequence[tuple[str, _Ready]], arrivals: Sequence[Arrival]) -> None:
    counts = Counter(arrival.status for arrival in arrivals)
    report.num_added += counts["added"]
    report.num_labelled += counts["labelled"]
    report.num_known += counts["known"]
    report.num_moved += sum(arrival.is_moved for arrival in arrivals)
    for (name, _), arrival in zip(ready, arrivals, strict=True):
        for source in arrival.contradicted:
            reason = f"{source} has given it another label here, which stays."
            report.refused.append((name, reason))
