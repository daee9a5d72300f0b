from datetime import timedelta

import pytest

from store.database.database import Database, now
from store.errors import AlreadyLabelledError, UnknownQuestionError
from store.evidence.questions import (
    TRIAL,
    WATCH,
    Question,
    answer_with_none,
    answered_share,
    ask,
    find_question,
    none_answers,
    num_open,
    open_questions,
    skip,
    withdraw,
)
from store.forgotten_images import DRAW
from tests.store.log_work import DRAWN, LEARNT, label, log, log_names, predicted, sha_of


def ask_names(database: Database, *names: str, priority: int = TRIAL) -> None:
    database.write(lambda c: ask(c, [sha_of(name) for name in names], priority))


def questions(database: Database, source: str = "ann", limit: int = 50) -> list[Question]:
    with database.read() as connection:
        return open_questions(connection, source, limit)


def images(database: Database, source: str = "ann") -> list[str]:
    return [question.sha256 for question in questions(database, source)]


def count_open(database: Database) -> int:
    with database.read() as connection:
        return num_open(connection)


def test_a_draw_is_asked_for_once_however_often_it_is_predicted(database: Database) -> None:
    log(database, [predicted("x", 0), predicted("x", 1), predicted("y", 2)], DRAWN)
    log(database, [predicted("x", 3)], DRAWN)
    log_names(database, ["z"], LEARNT)
    assert set(images(database)) == {sha_of("x"), sha_of("y")}
    assert count_open(database) == 2


def test_a_draw_that_is_labelled_already_is_not_asked_for(database: Database) -> None:
    label(database, "x")
    log_names(database, ["x"], DRAWN)
    assert count_open(database) == 0


def test_a_question_closes_however_its_label_comes_unless_nobody_knows_it(database: Database) -> None:
    log_names(database, ["x"], DRAWN)
    label(database, "x", "bes")
    assert images(database) == [sha_of("x")]
    label(database, "x", "bees", "ben")
    assert images(database) == []


def test_what_decides_a_round_is_asked_before_a_watch_and_draws_come_last(database: Database) -> None:
    log_names(database, ["draw"], DRAWN)
    ask_names(database, "watch", priority=WATCH)
    ask_names(database, "trial", priority=TRIAL)
    assert images(database) == [sha_of(name) for name in ("trial", "watch", "draw")]
    assert [question.sha256 for question in questions(database, limit=1)] == [sha_of("trial")]


def test_an_image_has_one_question_with_the_highest_priority_asked_for(database: Database) -> None:
    ask_names(database, "x", priority=WATCH)
    (first,) = questions(database)
    ask_names(database, "x", priority=TRIAL)
    ask_names(database, "x", priority=DRAW)
    (question,) = questions(database)
    assert (question.id, question.priority) == (first.id, TRIAL)


def test_what_one_source_skips_is_left_to_others(database: Database) -> None:
    ask_names(database, "x")
    (question,) = questions(database)
    for _ in range(2):
        database.write(lambda c: skip(c, question.id, "ann"))
    assert (images(database, "ann"), images(database, "ben")) == ([], [sha_of("x")])
    assert count_open(database) == 1


def test_none_of_the_classes_is_an_answer_until_a_label_comes(database: Database) -> None:
    ask_names(database, "x")
    (question,) = questions(database)
    database.write(lambda c: answer_with_none(c, question.id, "ann"))
    ask_names(database, "x")
    assert images(database) == []
    with database.read() as connection:
        assert none_answers(connection, [sha_of("x"), sha_of("y")]) == {sha_of("x"): "ann"}
    label(database, "x", source="ben")
    with database.read() as connection:
        assert none_answers(connection, [sha_of("x")]) == {}
        assert find_question(connection, question.id).answered_by == "ben"


def test_none_does_not_take_a_label_away(database: Database) -> None:
    ask_names(database, "x")
    (question,) = questions(database)
    label(database, "x")
    with pytest.raises(AlreadyLabelledError, match="label"):
        database.write(lambda c: answer_with_none(c, question.id, "ann"))


def test_a_withdrawn_question_is_asked_again_under_its_id(database: Database) -> None:
    ask_names(database, "x")
    (question,) = questions(database)
    database.write(lambda c: withdraw(c, [sha_of("x")]))
    assert images(database) == []
    ask_names(database, "x", priority=WATCH)
    (again,) = questions(database)
    assert (again.id, again.priority) == (question.id, WATCH)


def test_a_withdrawn_draw_is_still_asked_for_last_of_all(database: Database) -> None:
    log_names(database, ["x"], DRAWN)
    ask_names(database, "x", priority=TRIAL)
    database.write(lambda c: withdraw(c, [sha_of("x")]))
    (question,) = questions(database)
    assert question.priority == DRAW


def test_an_unknown_question_is_refused(database: Database) -> None:
    with database.read() as connection, pytest.raises(UnknownQuestionError, match="found 'nonsense'"):
        find_question(connection, "nonsense")


def test_the_answered_share_counts_what_was_asked_since_and_answered(database: Database) -> None:
    log_names(database, ["draw", "answered"], DRAWN)
    ask_names(database, "none", "trial", priority=TRIAL)
    ask_names(database, "withdrawn", priority=WATCH)
    label(database, "answered")
    none = next(question for question in questions(database) if question.sha256 == sha_of("none"))
    database.write(lambda c: answer_with_none(c, none.id, "ann"))
    database.write(lambda c: withdraw(c, [sha_of("withdrawn")]))
    with database.read() as connection:
        moment = now(connection)
        assert answered_share(connection, moment - timedelta(days=30)) == (4, 2)
        assert answered_share(connection, moment + timedelta(days=1)) == (0, 0)
