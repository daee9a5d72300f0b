"""The predecessor's answers, by a real network."""

from dataclasses import replace

import pytest

from retrain.learner.fenced_database import FencedDatabase
from retrain.watch.answering import Answer, Predecessor, answer_log, predecessor_of
from store.database.database import Database
from store.errors import FencedError
from store.evidence.watch_images import AnsweredImage, LoggedAnswer
from store.samples.splits import SplitSettings
from store.versions import find_version
from tests.retrain.world import CLASSES, World, picture
from tests.store.log_work import LEARNT, NOON, far_hash, log
from tests.store.version_work import add, promote
from tests.store.watch_work import answered, differing, in_force
from vision.decoding import ImageLimits
from vision.engines.choice import EngineSettings

TORCH = EngineSettings(kind="torch", precision="float32")


@pytest.fixture
def watched(small_world: World) -> World:
    """A world in which v2 took the place of v1."""
    promote(small_world.database, add(small_world.database, "v1", CLASSES))
    return small_world


def test_the_predecessor_answers_images_and_passes_over_what_is_no_image(world: World) -> None:
    promote(world.database, add(world.database, "v1", CLASSES))
    with world.database.read() as connection:
        version = predecessor_of(connection, in_force(world.database).id)
        assert version == find_version(connection, "v1")
    assert version is not None
    predecessor = Predecessor(version, world.blobs, TORCH, ImageLimits())

    days = [world.blobs.put(picture(label, 5000)) for label in CLASSES]
    images = [predecessor.answer(_logged(sha256)) for sha256 in days]
    assert [image and image.predecessor_label for image in images] == list(CLASSES)
    assert {image and image.production_label for image in images} == {"red"}
    assert predecessor.answer(_logged(world.blobs.put(b"no image"))) is None
    assert predecessor.answer(_logged("0" * 64)) is None


def test_what_production_answered_is_answered_too_and_differences_are_stored(watched: World) -> None:
    shas = _log(watched.database, 130)
    differing_shas = set(shas[::10])

    _answer(watched, lambda each: _both(each, "blue" if each.sha256 in differing_shas else "red"))

    watch = in_force(watched.database)
    assert differing(watched.database, watch) == {(sha256, "red", "blue") for sha256 in differing_shas}
    assert watch.num_images == 130


def test_a_burst_of_one_scene_has_one_vote_also_after_a_new_start(watched: World) -> None:
    one_scene = AnsweredImage("", far_hash("scene"), "red", "blue")
    for start in (0, 50):
        _log(watched.database, 10, start=start)
        _answer(watched, lambda each: replace(one_scene, sha256=each.sha256))

    assert len(differing(watched.database, in_force(watched.database))) == 1
    assert in_force(watched.database).num_images == 1


def test_images_without_an_answer_are_not_counted_and_not_asked_again(watched: World) -> None:
    shas = _log(watched.database, 5)
    asked: list[str] = []

    def refuse(logged: LoggedAnswer) -> None:
        asked.append(logged.sha256)

    _answer(watched, refuse)
    _answer(watched, refuse)

    assert asked == shas
    assert in_force(watched.database).num_images == 0


def test_after_five_hundred_images_only_draws_are_answered(watched: World) -> None:
    first = _log(watched.database, 520)
    drawn = _log(watched.database, 7, start=600, settings=replace(LEARNT, audit_fraction=1.0))
    asked: list[str] = []

    def note(logged: LoggedAnswer) -> AnsweredImage:
        asked.append(logged.sha256)
        return _both(logged, "red")

    _answer(watched, note)

    assert asked == [*first[:500], *drawn]


def test_the_process_ends_with_its_watch(watched: World) -> None:
    _log(watched.database, 5)
    watch = in_force(watched.database)
    promote(watched.database, "v1")

    answer_log(watched.database, watch.id, _refuse, linger_seconds=60, rest=lambda: None)

    with watched.database.read() as connection:
        assert predecessor_of(connection, watch.id) is None


def test_a_learner_that_lost_its_lease_stores_no_answers(watched: World) -> None:
    _log(watched.database, 5)
    fenced = FencedDatabase(watched.database, watched.acquire_lease(seconds=0))

    with pytest.raises(FencedError):
        answer_log(
            fenced,
            in_force(watched.database).id,
            lambda logged: _both(logged, "blue"),
            linger_seconds=1,
            rest=lambda: None,
        )
    assert in_force(watched.database).num_images == 0


def _log(database: Database, num: int, *, start: int = 0, settings: SplitSettings = LEARNT) -> list[str]:
    """Log that production answered "red" on images, and return their SHA-256s."""
    watch = in_force(database)
    rows = [answered(watch, f"fly {start + n}", start + n, label="red") for n in range(num)]
    log(database, rows, settings)
    return [row.sha256 for row in rows]


def _answer(world: World, answer: Answer) -> None:
    watch = in_force(world.database)
    answer_log(world.database, watch.id, answer, linger_seconds=0.5, rest=lambda: None)


def _logged(sha256: str) -> LoggedAnswer:
    return LoggedAnswer(sha256, "red", NOON, "ada", None)


def _both(logged: LoggedAnswer, predecessor_label: str) -> AnsweredImage:
    return AnsweredImage(logged.sha256, far_hash(logged.sha256), logged.label, predecessor_label)


def _refuse(logged: LoggedAnswer) -> AnsweredImage:
    raise AssertionError(f"{logged.sha256} was answered for a watch that has ended")
