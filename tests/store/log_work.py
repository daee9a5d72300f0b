"""Steps that tests of logged images share: predictions, labels and rounds, each in one call."""

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, update

from store.database.database import Database
from store.database.schema import samples
from store.predictions.prediction_ids import new_prediction_id
from store.predictions.predictions import LoggedPrediction, log_predictions
from store.samples.new_samples import NewSample
from store.samples.samples import FeedbackOutcome, add_sample
from store.samples.splits import SplitSettings

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
CLASSES = ("ants", "bees")
#: Every image is held out, or none; every image is a draw, or none.
HELD_OUT = SplitSettings(holdout_fraction=1.0, validation_fraction=0.0, audit_fraction=0.0)
LEARNT = SplitSettings(holdout_fraction=0.0, validation_fraction=0.0, audit_fraction=0.0)
DRAWN = SplitSettings(holdout_fraction=0.0, validation_fraction=0.0, audit_fraction=1.0)


def sha_of(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def far_hash(name: str) -> int:
    """Return a perceptual hash that is far from those of other names: half of its bits are set."""
    return int.from_bytes(hashlib.sha256(f"hash of {name}".encode()).digest()[:8], signed=True)


def predicted(
    name: str, minutes: float = 0, source: str = "ada", group: str | None = None, label: str = "ants"
) -> LoggedPrediction:
    created = NOON + timedelta(minutes=minutes)
    return LoggedPrediction(
        id=new_prediction_id(created),
        sha256=sha_of(name),
        num_bytes=1000,
        label=label,
        confidence=0.75,
        version="v1",
        embedding=b"\x00\x3c" * 4,
        group=group,
        source=source,
        created=created,
    )


def log(database: Database, rows: Iterable[LoggedPrediction], settings: SplitSettings = HELD_OUT) -> None:
    database.write(lambda c: log_predictions(c, list(rows), settings))


def log_names(database: Database, names: Iterable[str], settings: SplitSettings = HELD_OUT) -> None:
    log(database, (predicted(name, minutes) for minutes, name in enumerate(names)), settings)


def label(
    database: Database,
    name: str,
    of_class: str = "bees",
    source: str = "ann",
    *,
    phash: int | None = None,
    group: str | None = None,
    settings: SplitSettings = LEARNT,
    is_trusted: bool = False,
) -> FeedbackOutcome:
    new = NewSample(
        sha256=sha_of(name),
        phash=far_hash(name) if phash is None else phash,
        origin="direct",
        source=source,
        label=of_class,
        is_trusted=is_trusted,
        group=group,
    )

    def work(connection: Connection) -> FeedbackOutcome:
        return add_sample(connection, new, CLASSES, settings)

    return database.write(work)


def set_split(database: Database, name: str, split: str) -> None:
    database.write(
        lambda c: c.execute(update(samples).where(samples.c.sha256 == sha_of(name)).values(split=split))
    )
