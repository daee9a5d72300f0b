import numpy as np
import pytest

from retrain.alarms.stream import distinct_images, observations
from store.drift_references import DriftImage, LoggedImage, read_log
from tests.retrain.alarms.served import SETTINGS, begin, day, embedding, in_force, serve
from tests.retrain.world import CLASSES, World
from vision.decoding import ImageLimits


def logged(world: World) -> tuple[LoggedImage, ...]:
    with world.database.read() as connection:
        return read_log(connection, in_force(world), 1000).images


def distinct(world: World, known: list[DriftImage] | None = None) -> list[DriftImage]:
    return distinct_images(logged(world), known or [], world.blobs, SETTINGS.limits)


def labels_of(images: list[DriftImage]) -> list[str]:
    return [image.label for image in images]


def test_an_image_counts_once_however_often_it_is_asked(small_world: World) -> None:
    begin(small_world)
    serve(small_world, [*day(4), *day(4), *day(2)])
    images = distinct(small_world)
    assert labels_of(images) == list(CLASSES)
    assert distinct(small_world, images) == []


def test_of_a_group_the_first_counts_also_where_it_is_known_from_before(small_world: World) -> None:
    begin(small_world)
    serve(small_world, day(5), group="burst")
    images = distinct(small_world)
    assert labels_of(images) == [CLASSES[0]]
    assert distinct(small_world, images) == []


def test_groups_of_two_sources_that_have_one_name_are_two(small_world: World) -> None:
    begin(small_world)
    serve(small_world, day(2), group="1", source="ada")
    serve(small_world, day(2, start=2), group="1", source="ben")
    assert [image.source for image in distinct(small_world)] == ["ada", "ben"]


def test_a_picture_that_shows_nearly_the_same_as_another_does_not_count(small_world: World) -> None:
    [(label, content)] = day(1)
    begin(small_world)
    serve(small_world, [(label, content), (label, content + b"a tail that no decoder reads")])
    assert len({image.sha256 for image in logged(small_world)}) == 2
    assert len(distinct(small_world)) == 1


def test_what_can_t_be_read_is_passed_over(small_world: World) -> None:
    begin(small_world)
    serve(small_world, day(3))
    gone, unreadable, left = logged(small_world)
    small_world.blobs.delete(gone.sha256)
    assert len(distinct(small_world)) == 2
    tight = ImageLimits(max_pixels=10)
    assert distinct_images([unreadable, left], [], small_world.blobs, tight) == []


def test_what_a_broken_network_answered_is_passed_over(small_world: World) -> None:
    begin(small_world)
    serve(small_world, day(1))
    [image] = logged(small_world)
    fields = {name: getattr(image, name) for name in LoggedImage.__dataclass_fields__}
    broken = LoggedImage(**fields | {"embedding": np.full(48, np.nan, "<f2").tobytes()})
    assert distinct_images([broken], [], small_world.blobs, SETTINGS.limits) == []


def test_observations_hold_embeddings_classes_and_confidences_in_order(small_world: World) -> None:
    begin(small_world)
    pictures = day(3, classes=("yellow", "blue", "yellow"))
    serve(small_world, pictures)
    seen = observations(distinct(small_world), CLASSES)
    assert seen.labels.tolist() == [3, 0, 3]
    assert seen.confidences == pytest.approx([0.9] * 3)
    expected = np.stack([np.frombuffer(embedding(content), "<f2") for _, content in pictures])
    assert np.array_equal(seen.embeddings, expected.astype(np.float32))
