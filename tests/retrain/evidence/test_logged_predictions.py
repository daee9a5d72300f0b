import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

from retrain.evidence.logged_predictions import cut, logged_images
from store.predictions.evidence import LoggedImage
from store.predictions.predictions import LoggedPrediction, log_predictions
from store.samples.splits import SplitSettings
from tests.retrain.world import World, scene
from vision.decoding import ImageLimits

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
# Nothing is held out for pools.
NONE_HELD_OUT = SplitSettings(holdout_fraction=0.0)


def log(world: World, contents: list[bytes], *, minutes: int = 7, group: str | None = None) -> list[str]:
    """Log a prediction on each, one every `minutes`, and return their SHA-256s."""
    rows = [
        LoggedPrediction(
            id=f"{group}-{number}",
            sha256=world.blobs.put(content),
            num_bytes=len(content),
            label="red",
            confidence=0.8,
            version="v1",
            embedding=b"",
            group=group,
            source="tests",
            created=NOON + number * timedelta(minutes=minutes),
        )
        for number, content in enumerate(contents)
    ]
    world.database.write(lambda c: log_predictions(c, rows, NONE_HELD_OUT))
    return [row.sha256 for row in rows]


def logged(hours: int, num_an_hour: int, **changes: Any) -> list[LoggedImage]:
    fields: dict[str, Any] = {"num_bytes": 1, "source": "tests", "group": None} | changes
    return [
        LoggedImage(
            sha256=hashlib.sha256(f"{fields['group']} {hour} {number}".encode()).hexdigest(),
            created=NOON + timedelta(hours=hour, minutes=number),
            **fields,
        )
        for hour in range(hours)
        for number in range(num_an_hour)
    ]


def rank(key: str) -> int:
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8]) >> 1


def test_logged_images_that_the_store_lost_are_left_out(small_world: World) -> None:
    shas = log(small_world, [scene(number) for number in range(40)])
    for sha256 in shas[:5]:
        small_world.blobs.delete(sha256)
    rehearsed, judging = logged_images(small_world.state, 100, ImageLimits())
    assert sorted(rehearsed + judging) == sorted(shas[5:])
    assert judging


def test_about_a_fifth_is_judged_on_by_whole_hours() -> None:
    images = logged(hours=50, num_an_hour=10)
    rehearsed, judging = cut(images, rank)
    assert (len(rehearsed), len(judging)) == (400, 100)
    hours = [{image.created.replace(minute=0) for image in part} for part in (rehearsed, judging)]
    assert hours[0].isdisjoint(hours[1])
    assert judging == [image for image in images if image in judging]


def test_a_group_is_on_one_side_whatever_the_hours() -> None:
    groups = [logged(hours=20, num_an_hour=1, group=f"burst {number}") for number in range(10)]
    rehearsed, judging = cut([image for group in groups for image in group], rank)
    assert {image.group for image in rehearsed}.isdisjoint({image.group for image in judging})
    assert len({image.group for image in judging}) == 2


def test_a_log_of_one_hour_is_cut_by_image() -> None:
    rehearsed, judging = cut(logged(hours=1, num_an_hour=60), rank)
    assert len(rehearsed) + len(judging) == 60
    # Binomial of 60 and .2: outside once in a million.
    assert 1 <= len(judging) <= 30


def test_near_duplicates_are_judged_on_once_and_never_where_they_are_rehearsed(small_world: World) -> None:
    contents = [scene(number // 3, noise=number % 3) for number in range(120)]
    shas = log(small_world, contents)
    number_of = {sha256: number // 3 for number, sha256 in enumerate(shas)}
    rehearsed, judging = logged_images(small_world.state, 200, ImageLimits())
    judged = [number_of[sha256] for sha256 in judging]
    assert judged
    assert len(set(judged)) == len(judged)
    assert {number_of[sha256] for sha256 in rehearsed}.isdisjoint(judged)


def test_no_more_than_the_limit_is_returned_of_each(small_world: World) -> None:
    log(small_world, [scene(number) for number in range(40)], minutes=30)
    rehearsed, judging = logged_images(small_world.state, 3, ImageLimits())
    assert len(rehearsed) == 3
    assert 1 <= len(judging) <= 3
