from datetime import UTC, datetime

from retrain.watch.votes import Votes
from store.evidence.watch_images import AnsweredImage, LoggedAnswer
from tests.store.log_work import far_hash

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def logged(name: str, group: str | None = None, source: str = "ada") -> LoggedAnswer:
    return LoggedAnswer(name, "ants", NOON, source, group)


def image(name: str, phash: int | None = None, predecessor: str = "bees") -> AnsweredImage:
    return AnsweredImage(name, far_hash(name) if phash is None else phash, "ants", predecessor)


def test_near_duplicates_that_were_answered_alike_have_one_vote() -> None:
    votes, phash = Votes([], []), far_hash("wasp")

    assert votes.give(logged("wasp"), image("wasp", phash))
    assert not votes.give(logged("again"), image("again", phash ^ 0b1111))
    assert votes.give(logged("less alike"), image("less alike", phash ^ 0b11111))
    assert votes.give(logged("other answer"), image("other answer", phash, "ants"))


def test_flat_pictures_are_not_taken_for_near_duplicates() -> None:
    votes = Votes([], [])
    assert votes.give(logged("black"), image("black", 0))
    assert votes.give(logged("white"), image("white", 0))


def test_a_group_of_one_source_has_one_vote() -> None:
    votes = Votes([], [])

    assert votes.give(logged("wasp", "camera 3"), image("wasp"))
    assert votes.is_of_known_group(logged("moth", "camera 3"))
    assert not votes.give(logged("moth", "camera 3"), image("moth"))
    assert not votes.is_of_known_group(logged("moth", "camera 3", "ben"))
    assert votes.give(logged("moth", "camera 3", "ben"), image("moth"))


def test_votes_given_before_are_remembered() -> None:
    votes = Votes([image("wasp")], [("ada", "camera 3")])

    assert not votes.give(logged("again"), image("again", far_hash("wasp")))
    assert votes.is_of_known_group(logged("moth", "camera 3"))
