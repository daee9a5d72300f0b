from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from store.database.database import Database
from store.drift_references import (
    LogPage,
    add_images,
    current_reference,
    freeze,
    last_images,
    normal_images,
    num_normal,
    read_log,
    resume_reference,
)
from tests.store.alarm_work import begun, drift_image, in_force
from tests.store.log_work import LEARNT, label, log, predicted, sha_of
from tests.store.version_work import add as add_version

pytestmark = pytest.mark.usefixtures("champion")


def add(database: Database, names: Sequence[str], keep: int = 10) -> bool:
    reference = in_force(database)
    images = [drift_image(name) for name in names]
    return database.write(lambda c: add_images(c, reference, images, reference.read_until, keep=keep))


def frozen(database: Database, *names: str) -> int:
    reference = begun(database)
    add(database, names)
    database.write(lambda c: freeze(c, reference))
    return reference.id


def names_of(database: Database, *, normal: bool) -> list[str]:
    with database.read() as connection:
        read = normal_images if normal else last_images
        return [image.sha256 for image in read(connection, in_force(database).id)]


def page(database: Database, limit: int = 100) -> LogPage:
    with database.read() as connection:
        reference = current_reference(connection)
        assert reference is not None
        return read_log(connection, reference, limit)


def logged_after_begin(database: Database, names: Sequence[str], version: str = "v1") -> None:
    """Log predictions that were made a millisecond apart since the reference began; it begins an hour ago."""
    start = in_force(database).read_until
    rows = [predicted(name) for name in names]
    log(
        database,
        [
            replace(row, version=version, created=start + timedelta(milliseconds=number))
            for number, row in enumerate(rows)
        ],
        LEARNT,
    )


def begin_an_hour_ago(database: Database) -> None:
    reference = begun(database)
    hour_ago = datetime.now(UTC) - timedelta(hours=1)
    database.write(lambda c: add_images(c, reference, [], hour_ago, keep=10))


def test_there_is_none_before_the_first(database: Database) -> None:
    with database.read() as connection:
        assert current_reference(connection) is None


def test_the_log_is_read_in_pages_in_its_order_and_never_twice(database: Database) -> None:
    begin_an_hour_ago(database)
    logged_after_begin(database, ["a", "b", "c"])
    first = page(database, limit=2)
    assert ([image.sha256 for image in first.images], first.is_last) == ([sha_of("a"), sha_of("b")], False)
    reference = in_force(database)
    database.write(lambda c: add_images(c, reference, [], first.read_until, keep=10))
    second = page(database, limit=2)
    # The first page may have ended amid a batch, whose last row is read again.
    assert ([image.sha256 for image in second.images], second.is_last) == ([sha_of("b"), sha_of("c")], False)
    database.write(lambda c: add_images(c, reference, [], second.read_until, keep=10))
    third = page(database, limit=2)
    assert ([image.sha256 for image in third.images], third.is_last) == ([sha_of("c")], True)
    database.write(lambda c: add_images(c, reference, [], third.read_until, keep=10))
    assert (page(database).images, page(database).read_until) == ((), third.read_until)


def test_only_answers_of_its_version_are_read(database: Database) -> None:
    begin_an_hour_ago(database)
    logged_after_begin(database, ["ours"])
    logged_after_begin(database, ["another's"], version="v2")
    assert [image.sha256 for image in page(database).images] == [sha_of("ours")]


def test_what_may_still_be_written_beside_it_is_not_read_yet(database: Database) -> None:
    begin_an_hour_ago(database)
    log(database, [replace(predicted("now"), created=datetime.now(UTC) + timedelta(minutes=1))], LEARNT)
    assert page(database).images == ()


def test_images_are_normal_until_it_is_frozen_and_the_last_ones_after_that(database: Database) -> None:
    reference_id = frozen(database, "a", "b")
    assert add(database, ["c"])
    assert names_of(database, normal=True) == [sha_of("a"), sha_of("b")]
    assert names_of(database, normal=False) == [sha_of("c")]
    with database.read() as connection:
        assert num_normal(connection, reference_id) == 2
        [kept] = last_images(connection, reference_id)
    assert kept == drift_image("c", prediction_id=kept.prediction_id)


def test_only_so_many_of_the_last_images_are_kept(database: Database) -> None:
    frozen(database, "a")
    add(database, ["b", "c"], keep=3)
    add(database, ["d", "e"], keep=3)
    assert names_of(database, normal=False) == [sha_of(name) for name in "cde"]
    assert names_of(database, normal=True) == [sha_of("a")]


def test_images_that_were_read_for_an_older_reference_are_not_stored(database: Database) -> None:
    older = begun(database)
    begun(database)
    assert not database.write(lambda c: add_images(c, older, [drift_image("a")], older.read_until, keep=1))
    assert names_of(database, normal=True) == []


def test_a_reference_notes_the_last_sample_that_was_there_before(database: Database) -> None:
    assert begun(database).last_sample_before == 0
    sample_id = label(database, "x").sample_id
    assert begun(database).last_sample_before == sample_id


def test_what_was_normal_for_a_version_is_brought_back(database: Database) -> None:
    first = frozen(database, "a", "b")
    add(database, ["c"])
    add_version(database, "v1")
    begun(database, "v2")
    resumed = database.write(lambda c: resume_reference(c, "v1"))
    assert resumed == in_force(database)
    assert resumed is not None
    assert (resumed.version, resumed.id > first, resumed.frozen is not None) == ("v1", True, True)
    assert resumed.read_until == resumed.begun
    assert names_of(database, normal=True) == [sha_of("a"), sha_of("b")]
    assert names_of(database, normal=False) == []


def test_what_was_never_frozen_is_not_brought_back(database: Database) -> None:
    begun(database)
    add(database, ["a"])
    assert database.write(lambda c: resume_reference(c, "v1")) is None


def test_that_of_the_version_before_is_kept_and_older_ones_are_forgotten(database: Database) -> None:
    first, of_v1 = frozen(database, "a"), frozen(database, "b")
    for parent in ("v1", "v2"):
        add_version(database, parent)
    of_v2 = begun(database, "v2").id
    add(database, ["c"])
    with database.read() as connection:
        assert [num_normal(connection, number) for number in (first, of_v1, of_v2)] == [0, 1, 1]
    begun(database, "v3")
    with database.read() as connection:
        assert [num_normal(connection, number) for number in (first, of_v1, of_v2)] == [0, 0, 1]
