from store.database.database import Database
from store.evidence.answers import (
    NOT_FINITE,
    Answer,
    count_pairs,
    read_answers,
    store_answers,
)
from store.forgotten_images import forget_answers_on
from store.versions import replace_files
from tests.store.database.test_query_plans import plans, scans
from tests.store.version_work import add


def store(database: Database, version: str, answers: dict[str, Answer]) -> None:
    database.write(lambda connection: store_answers(connection, version, answers))


def stored(database: Database, version: str, *sha256s: str) -> dict[str, Answer]:
    with database.read() as connection:
        return read_answers(connection, version, sha256s)


def test_answers_are_read_back_by_version_and_image(database: Database) -> None:
    for version in (add(database), add(database)):
        store(database, version, {"a": Answer(int(version == "v2"), 0.5)})
    assert stored(database, "v1", "a", "b") == {"a": Answer(0, 0.5)}
    assert stored(database, "v2", "a") == {"a": Answer(1, 0.5)}
    assert stored(database, "v3", "a") == {}


def test_what_a_version_answered_first_stays(database: Database) -> None:
    version = add(database)
    store(database, version, {"a": Answer(1, 0.9)})
    store(database, version, {"a": Answer(0, 0.4), "b": Answer(NOT_FINITE, 0.0)})
    assert stored(database, version, "a", "b") == {"a": Answer(1, 0.9), "b": Answer(NOT_FINITE, 0.0)}


def test_answers_on_more_images_than_one_statement_takes_are_all_read(database: Database) -> None:
    version = add(database)
    answers = {f"{number:064x}": Answer(number % 3, 1.0) for number in range(1200)}
    store(database, version, answers)
    assert stored(database, version, *answers) == answers


def test_a_version_that_is_served_in_another_form_has_answered_nothing(database: Database) -> None:
    version, other = add(database), add(database)
    for name in (version, other):
        store(database, name, {"a": Answer(0, 0.5)})
    database.write(lambda c: replace_files(c, version, {"engine": "b" * 64}, {}))
    assert (stored(database, version, "a"), len(stored(database, other, "a"))) == ({}, 1)


def test_a_deleted_image_has_no_answers(database: Database) -> None:
    versions = [add(database), add(database)]
    for name in versions:
        store(database, name, {"a": Answer(0, 0.5), "b": Answer(0, 0.5)})
    database.write(lambda c: forget_answers_on(c, "a"))
    assert [list(stored(database, name, "a", "b")) for name in versions] == [["b"], ["b"]]


def test_reading_comparing_and_forgetting_answers_scans_no_table_of_them(database: Database) -> None:
    version = add(database)
    explained = plans(database, lambda c: read_answers(c, version, ["a", "b"]))
    explained += plans(database, lambda c: count_pairs(c, version, "v2", "golden-1"))
    explained += plans(database, lambda c: forget_answers_on(c, "a"))
    assert scans([plan for plan in explained if "held_out_answers" in plan.split(": ")[-1]]) == []
    assert all("sha256=?" in plan for plan in explained if "held_out_answers" in plan.split(": ")[-1])
