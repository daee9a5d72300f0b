"""Writes all samples of the store to an archive; a failed export leaves nothing behind."""

import os
import shutil
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from perennial.archive.record import Record
from perennial.archive.shards import Shards
from perennial.archive.writers import WRITERS, Format, Writer
from perennial.errors import ArchiveError, TargetExistsError, UnusableRecordError
from store.database.chunks import chunks
from store.durable import make_folder, sync_folder
from store.errors import BlobMissingError, CorruptBlobError
from store.kept_samples import KeptSample, kept_samples, num_samples
from store.state import State
from vision.errors import NotAnImageError

# An image may be 20 MiB, and this many are in memory at a time.
_GROUP = 16


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written.

    Attributes:
        num_samples: Written samples, whatever their state.
        num_by_state: How many of them are accepted, in conflict and quarantined.
        left_out: (SHA-256, reason) of samples whose bytes are missing.
    """

    num_samples: int
    num_by_state: Mapping[str, int]
    left_out: tuple[tuple[str, str], ...]


def export_samples(
    state: State,
    target: Path,
    form: Format = "webdataset",
    on_sample: Callable[[int, int], None] | None = None,
) -> Exported:
    """Write every sample with its image and fields.

    The current label of each source is written, but not the history.

    Args:
        state: The store.
        target: A folder that is not there yet, or a file ending in .tar for a single tar.
        form: How the folder is laid out.
        on_sample: Called after each sample with (samples done, samples in all).

    Raises:
        TargetExistsError: It would write over something.
        ArchiveError: A single tar can't hold that many samples, or this layout.
    """
    is_tar = target.suffix.lower() == ".tar"
    if is_tar and form != "webdataset":
        raise ArchiveError(f"Expected a folder for the format {form}, found {target}. Name a folder.")
    _check_free(target)
    with state.database.read() as connection:
        total = num_samples(connection)
    make_writer = Shards.in_file if is_tar else WRITERS[form]

    def on_written(done: int) -> None:
        if on_sample is not None:
            on_sample(done, max(total, done))

    with _aside(target) as aside, closing(make_writer(aside)) as writer:
        return _write_all(state, writer, on_written)


def _write_all(state: State, writer: Writer, on_sample: Callable[[int], None]) -> Exported:
    num_by_state, left_out = Counter[str](), list[tuple[str, str]]()

    def content_of(kept: KeptSample) -> bytes | str:
        try:
            return state.blobs.get(kept.sample.sha256)
        except (BlobMissingError, CorruptBlobError) as error:
            return str(error)

    with ThreadPoolExecutor(_GROUP, thread_name_prefix="export") as threads:
        for group in chunks(kept_samples(state.database), _GROUP):
            for kept, content in zip(group, threads.map(content_of, group), strict=True):
                try:
                    if isinstance(content, str):
                        raise UnusableRecordError(content)
                    writer.add(Record.of(kept), content)
                    num_by_state[kept.sample.state] += 1
                except (UnusableRecordError, NotAnImageError) as error:
                    left_out.append((kept.sample.sha256, str(error)))
                on_sample(num_by_state.total() + len(left_out))
    return Exported(num_by_state.total(), num_by_state, tuple(left_out))


def _check_free(target: Path) -> None:
    is_empty_folder = target.is_dir() and not any(target.iterdir())
    if os.path.lexists(target) and not is_empty_folder:
        raise TargetExistsError(
            f"Expected a new place to export to, found that {target} exists. Name another."
        )


@contextmanager
def _aside(target: Path) -> Iterator[Path]:
    """Yield a place beside the target; it becomes the target at the end, and is removed on an error."""
    target = target.absolute()
    make_folder(target.parent)
    aside = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}.partial")
    try:
        yield aside
        _check_free(target)
        os.rename(aside, target)
        sync_folder(target.parent)
    except OSError as error:
        # The error of a full disk names no file, so the target is named.
        raise OSError(error.errno, error.strerror, error.filename or str(target)) from error
    finally:
        if aside.is_dir():
            shutil.rmtree(aside, ignore_errors=True)
        else:
            aside.unlink(missing_ok=True)
