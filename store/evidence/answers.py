"""Stores what each version answered on held-out images, so that none answers an image twice."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from sqlalchemy import Connection, func, insert, select

from store.database.chunks import chunks
from store.database.schema import held_out_answers, samples, slice_samples

#: The class of an answer that is no number.
NOT_FINITE = -1


class Answer(NamedTuple):
    """What a version answered on one image, as it is served.

    Attributes:
        label_index: An index into the version's classes, or `NOT_FINITE`.
        confidence: Calibrated, in [0, 1]; 0 where the answer is no number.
    """

    label_index: int
    confidence: float


def read_answers(connection: Connection, version: str, sha256s: Iterable[str]) -> dict[str, Answer]:
    """Return SHA-256 → answer for those of the images that the version has answered."""
    answers: dict[str, Answer] = {}
    for chunk in chunks(sorted(set(sha256s))):
        query = select(
            held_out_answers.c.sha256, held_out_answers.c.label_index, held_out_answers.c.confidence
        ).where(held_out_answers.c.version == version, held_out_answers.c.sha256.in_(chunk))
        answers |= {row.sha256: Answer(row.label_index, row.confidence) for row in connection.execute(query)}
    return answers


class PairedAnswers(NamedTuple):
    """How often two versions answered so on a slice's images of one label; classes are indices."""

    label: str
    first_index: int
    second_index: int
    num: int


def count_pairs(connection: Connection, first: str, second: str, slice_name: str) -> list[PairedAnswers]:
    """Count what two versions answered on the accepted images of a slice that both answered."""
    own, other = held_out_answers.alias(), held_out_answers.alias()
    key = samples.c.label, own.c.label_index, other.c.label_index
    query = (
        select(*key, func.count())
        .select_from(slice_samples)
        .join(samples, samples.c.id == slice_samples.c.sample_id)
        .join(own, (own.c.version == first) & (own.c.sha256 == samples.c.sha256))
        .join(other, (other.c.version == second) & (other.c.sha256 == samples.c.sha256))
        .where(slice_samples.c.slice == slice_name, samples.c.state == "accepted")
        .group_by(*key)
    )
    return [PairedAnswers(*row) for row in connection.execute(query)]


class Difference(NamedTuple):
    """An image that two versions answered differently; classes are indices."""

    sample_id: int
    label: str
    first_index: int
    second_index: int


def differences(
    connection: Connection, first: str, second: str, slice_name: str, limit: int
) -> list[Difference]:
    """Return accepted images of a slice that two versions answered differently, newest first."""
    own, other = held_out_answers.alias(), held_out_answers.alias()
    query = (
        select(samples.c.id, samples.c.label, own.c.label_index, other.c.label_index)
        .select_from(slice_samples)
        .join(samples, samples.c.id == slice_samples.c.sample_id)
        .join(own, (own.c.version == first) & (own.c.sha256 == samples.c.sha256))
        .join(other, (other.c.version == second) & (other.c.sha256 == samples.c.sha256))
        .where(
            slice_samples.c.slice == slice_name,
            samples.c.state == "accepted",
            own.c.label_index != other.c.label_index,
        )
        .order_by(samples.c.id.desc())
        .limit(limit)
    )
    return [Difference(*row) for row in connection.execute(query)]


def store_answers(connection: Connection, version: str, answers: Mapping[str, Answer]) -> None:
    """Store a version's answers; those that it gave before stay."""
    known = read_answers(connection, version, answers)
    rows = [
        {"version": version, "sha256": sha256, **answer._asdict()}
        for sha256, answer in answers.items()
        if sha256 not in known
    ]
    if rows:
        connection.execute(insert(held_out_answers), rows)
