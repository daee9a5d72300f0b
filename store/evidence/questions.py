"""Questions to people: images whose label is wanted, one question each, whatever it is wanted for."""

import secrets
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Integer, bindparam, cast, func, insert, select, update

from store.database.chunks import chunks
from store.database.database import now
from store.database.schema import predictions, question_skips, questions, samples
from store.errors import AlreadyLabelledError, UnknownQuestionError
from store.forgotten_images import DRAW, let_go
from store.samples.quarantine import names_quarantined

#: The priorities of what an alarm, a watch and a trial ask for; those with a higher one are asked first,
#: draws last.
ALARM, WATCH, TRIAL = 1, 2, 3

# Grouped, so that predictions are found by their images: there may be half a million draws.
_DRAWN = (
    select(predictions.c.sha256)
    .where(predictions.c.sha256.in_(bindparam("sha256s", expanding=True)))
    .group_by(predictions.c.sha256)
    .having(func.max(cast(predictions.c.is_audit, Integer)) == 1)
)
# What counts as asked, of what has no answer: whether it was withdrawn, and its priority.
_COUNTED = ((False, TRIAL), (False, WATCH), (False, ALARM), (False, DRAW), (True, DRAW))
_IS_OPEN = (questions.c.answered.is_(None), questions.c.is_withdrawn.is_(False))


@dataclass(frozen=True, slots=True)
class Question:
    """An image that a person is asked to label.

    Attributes:
        id: Random: it leads to no prediction, and does not tell what the label is wanted for.
        sha256: Of the image.
        priority: DRAW, ALARM, WATCH or TRIAL.
        created: When it was asked first, or again after it was withdrawn.
        answered: When a label came, through the queue or otherwise, or the answer "none of the classes".
        answered_by: Whose label or answer it was.
        is_none: The answer is "none of the classes".
        is_withdrawn: It is asked no longer.
    """

    id: str
    sha256: str
    priority: int
    created: datetime
    answered: datetime | None
    answered_by: str | None
    is_none: bool
    is_withdrawn: bool

    @property
    def is_open(self) -> bool:
        """Whether its answer is still wanted."""
        return self.answered is None and not self.is_withdrawn


def ask(connection: Connection, sha256s: Iterable[str], priority: int) -> None:
    """Ask for the labels of images that have no accepted one.

    An image has one question ever: one that is open gets the higher priority of both, one that was withdrawn
    is asked again, one that was answered is not.

    Args:
        connection: Of a write.
        sha256s: The images.
        priority: DRAW, ALARM, WATCH or TRIAL.
    """
    for chunk in chunks(dict.fromkeys(sha256s)):
        unlabelled = set(chunk) - _labelled(connection, chunk)
        known = select(questions.c.sha256).where(questions.c.sha256.in_(unlabelled))
        asked_before = set(connection.execute(known).scalars())
        moment = now(connection)
        if asked_before:
            _ask_again(connection, asked_before, priority, moment)
        rows = [
            {"id": secrets.token_hex(16), "sha256": sha256, "priority": priority, "created": moment}
            for sha256 in chunk
            if sha256 in unlabelled - asked_before
        ]
        if rows:
            connection.execute(insert(questions), rows)


def open_questions(connection: Connection, source: str, limit: int) -> list[Question]:
    """Return open questions that a source did not skip: the highest priority first, of one the newest."""
    was_skipped = (
        select(question_skips.c.source)
        .where(question_skips.c.question_id == questions.c.id, question_skips.c.source == source)
        .exists()
    )
    asked: list[Question] = []
    # Each is one range of an index, whose order is by priority and time alike.
    for priority in (TRIAL, WATCH, ALARM, DRAW):
        query = select(questions).where(*_IS_OPEN, questions.c.priority == priority, ~was_skipped)
        query = query.order_by(questions.c.created.desc(), questions.c.id).limit(limit - len(asked))
        asked += [Question(**row._mapping) for row in connection.execute(query)]
    return asked


def num_open(connection: Connection) -> int:
    """Return how many questions are open, those among them that some sources skipped."""
    return int(connection.execute(select(func.count()).select_from(questions).where(*_IS_OPEN)).scalar_one())


def find_question(connection: Connection, question_id: str) -> Question:
    """Return a question, open or not.

    Raises:
        UnknownQuestionError: There is none of that id, or it was forgotten with its image.
    """
    row = connection.execute(select(questions).where(questions.c.id == question_id)).one_or_none()
    if row is None:
        raise UnknownQuestionError(
            f"Expected the id of a question, found {question_id[:80]!r}. "
            "None has it, or its image was deleted."
        )
    return Question(**row._mapping)


def answer_with_none(connection: Connection, question_id: str, source: str) -> None:
    """Note the answer that none of the classes is right; that of a quarantined source is left to others.

    Raises:
        UnknownQuestionError: There is no such question.
        AlreadyLabelledError: The image has a label in force, which only another label can change.
    """
    question = find_question(connection, question_id)
    if _labelled(connection, [question.sha256]):
        raise AlreadyLabelledError(
            "Expected a question without a label, found one whose image is labelled. "
            "Answer with the right label instead; it counts beside the other."
        )
    if source in names_quarantined(connection):
        skip(connection, question_id, source)
        return
    values = {"answered": now(connection), "answered_by": source, "is_none": True}
    connection.execute(update(questions).where(questions.c.id == question_id).values(**values))
    let_go(connection, [question.sha256])


def skip(connection: Connection, question_id: str, source: str) -> None:
    """Leave a question to other sources.

    Raises:
        UnknownQuestionError: There is no such question.
    """
    question = find_question(connection, question_id)
    key = {"question_id": question.id, "source": source}
    if connection.execute(select(question_skips).filter_by(**key)).one_or_none() is None:
        connection.execute(insert(question_skips), key)


def withdraw(connection: Connection, sha256s: Collection[str]) -> None:
    """Ask for the labels of images no longer; the draws among them are still asked for, last of all."""
    for chunk in chunks(sha256s):
        drawn = list(connection.execute(_DRAWN, {"sha256s": chunk}).scalars())
        are_asked = update(questions).where(questions.c.sha256.in_(chunk), *_IS_OPEN)
        connection.execute(are_asked.where(questions.c.sha256.in_(drawn)).values(priority=DRAW))
        connection.execute(are_asked.where(questions.c.sha256.not_in(drawn)).values(is_withdrawn=True))
        let_go(connection, chunk)


def none_answers(connection: Connection, sha256s: Collection[str]) -> dict[str, str]:
    """Return SHA-256 → who said that none of the classes is right, of those images of which somebody did."""
    none: dict[str, str] = {}
    for chunk in chunks(sha256s):
        query = select(questions.c.sha256, questions.c.answered_by)
        query = query.where(questions.c.sha256.in_(chunk), questions.c.is_none.is_(True))
        none |= {row.sha256: row.answered_by for row in connection.execute(query)}
    return none


def answered_share(connection: Connection, since: datetime) -> tuple[int, int]:
    """Return how many questions were asked since a moment, and how many of them were answered.

    What was withdrawn before anybody answered counts as asked only where it was a draw, which is withdrawn
    when its image expires: a trial withdraws its questions also because it needs no more answers.
    """
    asked = select(func.count()).select_from(questions).where(questions.c.created >= since)
    # Each is one range of an index: a month of draws may be half a million.
    num_answered = connection.execute(asked.where(questions.c.answered >= since)).scalar_one()
    unanswered = [
        connection.execute(
            asked.where(
                questions.c.answered.is_(None),
                questions.c.is_withdrawn.is_(is_withdrawn),
                questions.c.priority == priority,
            )
        ).scalar_one()
        for is_withdrawn, priority in _COUNTED
    ]
    return int(num_answered) + sum(unanswered), int(num_answered)


def _ask_again(connection: Connection, sha256s: Collection[str], priority: int, moment: datetime) -> None:
    unanswered = update(questions).where(questions.c.sha256.in_(sha256s), questions.c.answered.is_(None))
    connection.execute(
        unanswered.where(questions.c.is_withdrawn.is_(True)).values(
            is_withdrawn=False, priority=priority, created=moment
        )
    )
    connection.execute(unanswered.where(questions.c.priority < priority).values(priority=priority))


def _labelled(connection: Connection, sha256s: Collection[str]) -> set[str]:
    query = select(samples.c.sha256).where(samples.c.sha256.in_(sha256s), samples.c.state == "accepted")
    return set(connection.execute(query).scalars())
