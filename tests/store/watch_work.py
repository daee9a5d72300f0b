"""Steps that tests of watches share, each in one call."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta

from store.database.database import Database
from store.evidence.watch_images import AnsweredImage, LogPage, add_images, answered_images, read_log
from store.evidence.watches import Watch, current_watch, last_watches
from store.predictions.prediction_ids import new_prediction_id
from store.predictions.predictions import LoggedPrediction
from store.samples.splits import SplitSettings
from tests.store.log_work import LEARNT, far_hash, log, predicted, sha_of


def in_force(database: Database) -> Watch:
    with database.read() as connection:
        watch = current_watch(connection)
    assert watch is not None
    return watch


def last(database: Database) -> Watch:
    with database.read() as connection:
        return last_watches(connection)[0]


def answered(watch: Watch, name: str, seconds: float, label: str = "ants") -> LoggedPrediction:
    """Return what production answered on an image, so many seconds after its promotion."""
    created = watch.begun + timedelta(seconds=seconds)
    made = predicted(name, label=label)
    return replace(made, id=new_prediction_id(created), version=watch.version, created=created)


def answer(
    database: Database, names: Iterable[str], settings: SplitSettings = LEARNT, *, start: float = 0.0
) -> None:
    """Let production answer images, one a second, from so many seconds after its promotion on."""
    watch = in_force(database)
    log(database, (answered(watch, name, start + number) for number, name in enumerate(names)), settings)


def page(database: Database, *, only_draws: bool = False, limit: int = 100) -> LogPage:
    with database.read() as connection:
        watch = current_watch(connection)
        assert watch is not None
        return read_log(connection, watch, only_draws=only_draws, limit=limit)


def differ(database: Database, names: Sequence[str], num_alike: int = 0) -> None:
    """Store images on which production says "ants" and its predecessor "bees", and some where both agree."""
    watch = in_force(database)
    images = [image(name, "bees") for name in names]
    images += [image(f"alike {watch.num_images + n}", "ants") for n in range(num_alike)]
    database.write(lambda c: add_images(c, watch, images, watch.read_until))


def image(name: str, predecessor_label: str) -> AnsweredImage:
    """Return an image that production takes for ants."""
    return AnsweredImage(sha_of(name), far_hash(name), "ants", predecessor_label)


def differing(database: Database, watch: Watch) -> set[tuple[str, str, str]]:
    """Return (SHA-256, production's label, its predecessor's) where the labels differ."""
    with database.read() as connection:
        images = answered_images(connection, watch.id)
    return {(each.sha256, each.production_label, each.predecessor_label) for each in images if each.differs}
