from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from retrain.dataset import RoundSamples, collect
from retrain.evidence.new_images import NewImages, read_new_images
from retrain.evidence.new_samples import MIN_DIRECT
from store.database.database import Database
from store.evidence.held_out import mark_judged
from store.evidence.pools import LabelOf
from store.predictions.predictions import delete_prediction, newest_prediction
from tests.retrain.world import World, scene
from vision.decoding import ImageLimits

OLD = datetime.now(UTC) - timedelta(days=40)


@pytest.fixture
def world(small_world: World) -> World:
    """A store with one new sample to learn, that was predicted before all that the tests predict."""
    small_world.predict([scene(9000)], held_out=False)
    small_world.add("red", scene(9000), split="train")
    return small_world


def collected(world: World) -> RoundSamples:
    with world.database.read() as connection:
        return collect(connection, world.production, 0.0, np.random.default_rng(0))


def read(world: World, min_direct: int = MIN_DIRECT) -> NewImages:
    return read_new_images(world.state, collected(world), ImageLimits(), min_direct)


def judging(world: World) -> set[str]:
    return {image.sha256 for image in read(world).judging}


def delete_image(database: Database, sha256: str) -> None:
    with database.read() as connection:
        prediction = newest_prediction(connection, sha256)
    assert prediction is not None
    database.write(lambda c: delete_prediction(c, prediction.id))


def test_a_pool_is_what_was_predicted_and_held_out_whether_it_is_labelled_or_not(world: World) -> None:
    labelled, unlabelled = world.predict([scene(1), scene(2)])
    learnt = world.predict([scene(3)], held_out=False)
    world.add("green", scene(1), source="ann", is_trusted=False)
    images = read(world)
    assert images.origin == "pool"
    assert {image.sha256 for image in images.judging} == {labelled, unlabelled}
    assert images.labels == {labelled: LabelOf("green", False, "ann")}
    assert learnt[0] not in judging(world)


def test_images_that_were_seen_before_the_oldest_new_sample_was_asked_for_are_in_no_pool(
    world: World,
) -> None:
    world.predict([scene(1)], created=OLD)
    (recent,) = world.predict([scene(2)])
    assert judging(world) == {recent}


def test_a_new_sample_is_as_old_as_its_prediction(world: World) -> None:
    (seen,) = world.predict([scene(1)], created=OLD + timedelta(days=1))
    (asked,) = world.predict([scene(2)], held_out=False, created=OLD)
    assert seen not in judging(world)
    with world.database.read() as connection:
        prediction = newest_prediction(connection, asked)
    assert prediction is not None
    world.add("red", scene(2), prediction_id=prediction.id, split="train")
    assert seen in judging(world)


def test_near_duplicates_and_a_group_have_one_vote_each(world: World) -> None:
    near = world.predict([scene(1), scene(1, noise=1), scene(1, noise=2)])
    group = world.predict([scene(2), scene(3)], group="burst")
    # Another client's group of the same name is another group.
    (other,) = world.predict([scene(4)], group="burst", source="another")
    images = read(world)
    votes = {image.sha256 for image in images.judging}
    assert len(votes & set(near)) == len(votes & set(group)) == 1
    assert votes - {*near, *group} == {other}
    assert {image.sha256 for image in images.others} == {*near, *group} - votes


def test_an_image_near_to_a_learnt_or_golden_one_is_left_out_labelled_or_not(world: World) -> None:
    world.add("red", scene(1), split="train", origin="initial")
    world.add("red", scene(2), split="golden", origin="initial")
    _, _, far = world.predict([scene(1, noise=1), scene(2, noise=1), scene(3)])
    assert judging(world) == {far}


def test_a_source_waits_where_it_would_give_over_a_fifth(world: World) -> None:
    world.predict([scene(number) for number in range(40)], source="busy")
    for number in range(4):
        start = 100 + 10 * number
        world.predict([scene(each) for each in range(start, start + 10)], source=f"calm {number}")
    sources = [image.source for image in read(world).judging]
    assert sources[:50].count("busy") == 10
    assert sources[50:] == ["busy"] * 30


def test_an_image_judges_in_one_round_only(world: World) -> None:
    judged, fresh = world.predict([scene(1), scene(2)])
    world.database.write(lambda c: mark_judged(c, [judged], 7))
    assert judging(world) == {fresh}


def test_a_deleted_image_is_in_no_pool(world: World) -> None:
    deleted, left = world.predict([scene(1), scene(2)])
    delete_image(world.database, deleted)
    assert judging(world) == {left}


def test_images_that_trusted_keys_send_with_their_labels_are_the_evidence(world: World) -> None:
    world.predict([scene(1)])
    world.send(("red", "green"), 200)
    images = read(world, min_direct=20)
    assert images.origin == "direct"
    held_out = {sample.sha256 for sample in collected(world).new_holdout}
    assert {image.sha256 for image in images.judging} == held_out
    assert images.labels.keys() == held_out


@pytest.mark.parametrize(("fields", "min_direct"), [({"is_trusted": False}, 20), ({"is_trusted": True}, 100)])
def test_untrusted_or_few_direct_images_judge_nothing(
    world: World, fields: dict[str, bool], min_direct: int
) -> None:
    (predicted,) = world.predict([scene(1)])
    world.send(("red", "green"), 200, **fields)
    images = read(world, min_direct)
    assert (images.origin, [image.sha256 for image in images.judging]) == ("pool", [predicted])


@pytest.mark.slow
def test_direct_images_judge_nothing_where_most_new_samples_were_predicted(world: World) -> None:
    contents = [scene(number) for number in range(130)]
    world.predict(contents, held_out=False)
    for content in contents:
        world.add("red", content)
    world.send(("red", "green"), 120)
    assert len(collected(world).new_holdout) >= 20
    assert read(world, min_direct=20).origin == "pool"
