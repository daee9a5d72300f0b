from dataclasses import replace
from typing import Any

import pytest
import torch

from retrain.dataset import Item
from retrain.workbench import Workbench
from store.registry import Version
from vision.artifact import to_files
from vision.engines import precision as precisions
from vision.engines.rounded_file import ROUNDED_FILES
from vision.engines.torch_engine import TorchEngine
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


def test_a_candidate_is_judged_in_the_precision_in_which_it_will_be_served(
    world: Any, picture: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(precisions, "has_bfloat16", lambda: True)
    monkeypatch.setattr(precisions, "MIN_IMAGE_SIZE", 32)
    bench = Workbench(world.production, world.blobs, "cpu", precision="bfloat16")
    items = _items(world, picture)
    candidate = bench.finished(bench.artifact.state, items, 0)
    assert candidate.precision == "bfloat16"
    images = torch.stack([image for image, _ in (bench.images(items)[index] for index in range(len(items)))])
    served, _ = TorchEngine(candidate.build(), "bfloat16")(images)
    judged = torch.from_numpy(bench.answer(candidate, items))
    # Batches of other sizes are added up in another order.
    torch.testing.assert_close(judged, served, atol=0.05, rtol=0.02)
    assert bench.engine_of(candidate, items, "auto").files.keys() == {ROUNDED_FILES["bfloat16"]}


def test_in_int8_each_candidate_and_blend_is_judged_with_ranges_of_its_own(
    world: Any, picture: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(precisions, "has_bfloat16", lambda: False)
    monkeypatch.setattr(precisions, "has_int8", lambda: True)
    monkeypatch.setattr(precisions, "MIN_IMAGE_SIZE", 32)
    first = Workbench(world.production, world.blobs, "cpu", precision="int8")
    items = _items(world, picture)
    candidate = first.finished(first.artifact.state, items, 0)
    assert candidate.precision == "int8"
    assert first.engine_of(candidate, items, "auto").files.keys() == {ROUNDED_FILES["int8"]}
    files = {name: world.blobs.put(content) for name, content in to_files(candidate).items()}
    bench = Workbench(replace(world.production, files=files), world.blobs, "cpu", precision="int8")
    assert bench.artifact.ranges == candidate.ranges
    # Rounds train in what the weights are kept in.
    assert bench.training_precision() == "float32"
    doubled = {
        name: tensor * 2 if name == "bn1.weight" else tensor for name, tensor in candidate.state.items()
    }
    blend = bench.blend(doubled, 0.5, items)
    assert (blend.precision, blend.temperature) == ("int8", candidate.temperature)
    assert blend.ranges["conv1"][1] > candidate.ranges["conv1"][1]
    assert bench.answer(blend, items).shape == (len(items), 4)


def test_where_all_is_served_in_float32_the_champion_is_judged_in_it_too(world: Any) -> None:
    artifact = replace(Workbench(world.production, world.blobs, "cpu").artifact, precision="bfloat16")
    files = {name: world.blobs.put(content) for name, content in to_files(artifact).items()}
    champion = replace(world.production, files=files)
    assert Workbench(champion, world.blobs, "cpu", precision="bfloat16").artifact.precision == "bfloat16"
    assert Workbench(champion, world.blobs, "cpu").artifact.precision == "float32"
