from typing import Any

import pytest

from retrain.dataset import Item
from retrain.workbench import Workbench
from store.registry import Version
from vision.errors import TooManyPixelsError
from vision.preprocessing import ImageLimits


def _items(world: Any, picture: Any) -> list[Item]:
    return [
        Item(world.blobs.put(picture(label, number)), index)
        for number in range(6)
        for index, label in enumerate(("blue", "green", "red", "yellow"))
    ]


def test_own_answers_as_labels_leave_the_temperature_alone(world: Any, picture: Any) -> None:
    champion: Version = world.production
    bench = Workbench(champion, world.blobs, "cpu")
    items = _items(world, picture)
    kept = bench.finished(bench.artifact.state, items, 0, keeps_temperature=True)
    refitted = bench.finished(bench.artifact.state, items, 0)
    assert kept.temperature == bench.artifact.temperature != refitted.temperature
    assert kept.reference is not None
    assert len(kept.reference) == len(items)


def test_images_are_held_to_the_limits_of_the_settings(world: Any, picture: Any) -> None:
    bench = Workbench(world.production, world.blobs, "cpu", ImageLimits(max_pixels=100))
    with pytest.raises(TooManyPixelsError):
        bench.images(_items(world, picture))[0]
