from typing import Any

import pytest
import torch

from retrain.dataset import Item
from retrain.workbench import Workbench
from store.registry import Version
from vision.engines import processor, served_form
from vision.engines.choice import EngineSettings, load_engine
from vision.errors import TooManyPixelsError
from vision.preprocessing import ImageLimits

TORCH = EngineSettings(kind="torch")


def _items(world: Any, picture: Any) -> list[Item]:
    return [
        Item(world.blobs.put(picture(label, number)), index)
        for number in range(6)
        for index, label in enumerate(("blue", "green", "red", "yellow"))
    ]


def test_own_answers_as_labels_leave_the_temperature_alone(world: Any, picture: Any) -> None:
    champion: Version = world.production
    bench = Workbench(champion, world.blobs, TORCH)
    items = _items(world, picture)
    state = dict(bench.artifact.state)
    kept = bench.finished(state, items, 0, keeps_temperature=True).artifact
    refitted = bench.finished(state, items, 0).artifact
    assert kept.temperature == bench.artifact.temperature != refitted.temperature
    assert kept.reference is not None
    assert len(kept.reference) == len(items)


def test_images_are_held_to_the_limits_of_the_settings(world: Any, picture: Any) -> None:
    bench = Workbench(world.production, world.blobs, TORCH, ImageLimits(max_pixels=100))
    with pytest.raises(TooManyPixelsError):
        bench.images(_items(world, picture))[0]


def test_a_candidate_is_judged_in_the_form_in_which_it_will_be_served(
    world: Any, picture: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processor, "_capabilities", lambda: {"avx2": True})
    monkeypatch.setattr(served_form, "MIN_IMAGE_SIZE", 32)
    bench = Workbench(world.production, world.blobs, EngineSettings())
    items = _items(world, picture)
    candidate = bench.finished(dict(bench.artifact.state), items, 0)
    assert candidate.metrics()["served_precision"] == "int8"
    judged = bench.answer(candidate, items)
    images = torch.stack([image for image, _ in (bench.images(items)[index] for index in range(len(items)))])
    served, _ = load_engine(candidate.artifact, candidate.to_files(), EngineSettings())(images)
    torch.testing.assert_close(torch.from_numpy(judged), served)
    exact = bench.answer_in_float32(dict(bench.artifact.state), items)
    assert not torch.equal(exact, served)


def test_answers_that_are_no_numbers_are_left_to_the_gate(world: Any, picture: Any) -> None:
    bench = Workbench(world.production, world.blobs, EngineSettings())
    broken = {**bench.artifact.state, "fc.weight": bench.artifact.state["fc.weight"] * float("nan")}
    candidate = bench.finished(broken, _items(world, picture), 0)
    assert not torch.isfinite(torch.from_numpy(bench.answer(candidate, _items(world, picture)))).any()
