"""Versions of the classifier: their files, their metrics and their ancestry."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import Connection, RowMapping, func, insert, select, update

from store.database.chunks import chunks
from store.database.database import now
from store.database.schema import alias, samples, version_samples
from store.database.schema import versions as versions_table
from store.errors import UnknownVersionError, VersionRetiredError
from store.forgotten_images import forget_answers_of

#: The name of the alias that says which version serves.
PRODUCTION = "production"
#: The metric that holds the curves of a version's training; a round keeps those of its own.
CURVES = "curves"
_PRODUCTION_CLASSES = select(versions_table.c.class_names).join(
    alias, (alias.c.version == versions_table.c.version) & (alias.c.name == PRODUCTION)
)


@dataclass(frozen=True, slots=True)
class NewVersion:
    """A version about to be added; its files' bytes are in the blob store already.

    `margin` is the gate's margin on old data, a fraction, None for a starter. Without a parent a version
    begins a lineage; `begins_lineage` lets one with a parent do so too.
    """

    class_names: tuple[str, ...]
    files: Mapping[str, str]
    metrics: Mapping[str, Any] = field(default_factory=dict)
    parent: str | None = None
    round_id: int | None = None
    margin: float | None = None
    is_starter: bool = False
    begins_lineage: bool = False


@dataclass(frozen=True, slots=True)
class Version:
    """A version as it stands; `files` (name to SHA-256) is empty once retention dropped them."""

    version: str
    number: int
    lineage: int
    parent: str | None
    round_id: int | None
    created: datetime
    class_names: tuple[str, ...]
    files: dict[str, str]
    metrics: dict[str, Any]
    margin: float | None
    is_starter: bool
    num_deleted_samples: int

    @property
    def is_retired(self) -> bool:
        """Whether its files were dropped, so that it can't serve."""
        return not self.files

    @property
    def is_served_as_judged(self) -> bool:
        """Whether it was judged in a form that this release serves; versions of earlier ones were not."""
        return "served_precision" in self.metrics


class BlobReader(Protocol):
    """Anything that returns bytes by their SHA-256."""

    def get(self, sha256: str) -> bytes:
        """Return the bytes, or raise BlobMissingError."""
        ...


def add_version(
    connection: Connection, new: NewVersion, seen: Iterable[tuple[int, str, int | None]]
) -> Version:
    """Add a version under the next number; it serves once `registry.promote` moves the alias to it.

    Args:
        new: What it is made of.
        seen: (sample id, role, label revision) of each sample that it learnt from or was judged on.

    Raises:
        UnknownVersionError: Its parent doesn't exist.
    """
    number = (connection.execute(select(func.max(versions_table.c.number))).scalar() or 0) + 1
    name = f"v{number}"
    connection.execute(
        insert(versions_table).values(
            version=name,
            number=number,
            lineage=_lineage_of(connection, new),
            parent=new.parent,
            round_id=new.round_id,
            created=now(connection),
            class_names=list(new.class_names),
            files=dict(new.files),
            metrics=dict(new.metrics),
            margin=new.margin,
            is_starter=new.is_starter,
            num_deleted_samples=0,
        )
    )
    rows = [
        {"version": name, "sample_id": sample_id, "role": role, "label_revision": revision}
        for sample_id, role, revision in seen
    ]
    if rows:
        connection.execute(insert(version_samples), rows)
    return find_version(connection, name)


def add_holdout(connection: Connection, version: str, sample_ids: Iterable[int]) -> None:
    """Note the samples that a version was judged on as new, with their labels in force."""
    for chunk in chunks(sample_ids):
        query = select(samples.c.id, samples.c.label_revision).where(samples.c.id.in_(chunk))
        rows = [
            {"version": version, "sample_id": row.id, "role": "holdout", "label_revision": row.label_revision}
            for row in connection.execute(query)
        ]
        connection.execute(insert(version_samples), rows)


def replace_files(
    connection: Connection, name: str, files: Mapping[str, str], metrics: Mapping[str, Any]
) -> None:
    """Replace the files that are made of a version's weights, such as the form in which it is served.

    Nothing else of a version ever changes. What it answered on held-out images is forgotten, since in the new
    form it may answer otherwise.

    Args:
        name: Of the version.
        files: All of its files; those of the artifact must be the same as before.
        metrics: All of its metrics.
    """
    connection.execute(
        update(versions_table)
        .where(versions_table.c.version == name)
        .values(files=dict(files), metrics=dict(metrics))
    )
    forget_answers_of(connection, name)


def find_version(connection: Connection, name: str) -> Version:
    """Return the version called `name`.

    Raises:
        UnknownVersionError: There is none.
    """
    row = connection.execute(select(versions_table).where(versions_table.c.version == name)).one_or_none()
    if row is None:
        newest = connection.execute(select(func.max(versions_table.c.number))).scalar()
        known = "there is no version yet" if newest is None else f"versions go from v1 to v{newest}"
        raise UnknownVersionError(
            f"Expected the name of a version, found {name!r}; {known}. List them first."
        )
    return _version(row._mapping)


def production_name(connection: Connection) -> str | None:
    """Return the name of the version in production, or None before the first."""
    return connection.execute(select(alias.c.version).where(alias.c.name == PRODUCTION)).scalar_one_or_none()


def production_classes(connection: Connection) -> list[str] | None:
    """Return the class names of the version in production, or None before the first."""
    return connection.execute(_PRODUCTION_CLASSES).scalar_one_or_none()


def read_versions(connection: Connection, limit: int = 50, before: int | None = None) -> list[Version]:
    """Return versions, newest first, those of a lower number than `before` where it is given."""
    query = select(versions_table).order_by(versions_table.c.number.desc()).limit(limit)
    if before is not None:
        query = query.where(versions_table.c.number < before)
    return [_version(row._mapping) for row in connection.execute(query)]


def ancestry(connection: Connection, name: str) -> list[str]:
    """Return `name` and its ancestors, the nearest first."""
    start = select(versions_table.c.version, versions_table.c.parent, versions_table.c.number).where(
        versions_table.c.version == name
    )
    line = start.cte("ancestry", recursive=True)
    line = line.union_all(
        select(versions_table.c.version, versions_table.c.parent, versions_table.c.number).where(
            versions_table.c.version == line.c.parent
        )
    )
    return list(connection.execute(select(line.c.version).order_by(line.c.number.desc())).scalars())


def versions_that_saw(connection: Connection, sample_id: int) -> list[str]:
    """Return the versions that saw a sample, or descend from one that did, oldest first."""
    saw = select(version_samples.c.version).where(version_samples.c.sample_id == sample_id)
    line = saw.cte("line", recursive=True)
    line = line.union(select(versions_table.c.version).where(versions_table.c.parent == line.c.version))
    query = select(versions_table.c.version).where(versions_table.c.version.in_(select(line.c.version)))
    return list(connection.execute(query.order_by(versions_table.c.number)).scalars())


class VersionFiles(Mapping[str, bytes]):
    """A version's files by name; each is read when it is asked for.

    Asking for one raises BlobMissingError where it is not in the blob store.
    """

    def __init__(self, blobs: BlobReader, names: Mapping[str, str]) -> None:
        self._blobs = blobs
        self._names = names

    def __getitem__(self, name: str) -> bytes:
        """Return the bytes of a file."""
        return self._blobs.get(self._names[name])

    def __contains__(self, name: object) -> bool:
        """Return whether there is such a file, without reading it."""
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        """Yield the names."""
        return iter(self._names)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._names)


def load_files(blobs: BlobReader, version: Version) -> VersionFiles:
    """Return a version's files.

    Raises:
        VersionRetiredError: They were dropped.
    """
    refuse_retired(version)
    return VersionFiles(blobs, version.files)


def refuse_retired(version: Version) -> None:
    """Raise unless the version can serve.

    Raises:
        VersionRetiredError: Its files were dropped.
    """
    if version.is_retired:
        raise VersionRetiredError(
            f"Expected a version with files, found {version.version}, whose files were dropped because newer "
            "versions took its place. Choose one that the list of models shows with files."
        )


def _lineage_of(connection: Connection, new: NewVersion) -> int:
    if new.parent is not None:
        parent = find_version(connection, new.parent)
        if not new.begins_lineage:
            return parent.lineage
    return (connection.execute(select(func.max(versions_table.c.lineage))).scalar() or 0) + 1


def _version(row: RowMapping) -> Version:
    return Version(
        version=row["version"],
        number=row["number"],
        lineage=row["lineage"],
        parent=row["parent"],
        round_id=row["round_id"],
        created=row["created"],
        class_names=tuple(row["class_names"]),
        files=dict(row["files"]),
        metrics=dict(row["metrics"]),
        margin=row["margin"],
        is_starter=row["is_starter"],
        num_deleted_samples=row["num_deleted_samples"],
    )
