from typing import Any

import pytest
import torch

from retrain.dataset import Item
from retrain.models import RoundModels
from store.versions import Version
from tests.retrain.world import World
from vision.decoding import ImageLimits
from vision.engines import processor, served_form
from vision.engines.choice import EngineSettings, load_engine
from vision.errors import TooManyPixelsError

TORCH = EngineSettings(kind="torch")


def _items(world: World, picture: Any) -> list[Item]:
    return [
        Item(world.blobs.put(picture(label, number)), index)
        for number in range(6)
        for index, label in enumerate(("blue", "green", "red", "yellow"))
    ]


@pytest.mark.slow
def test_own_answers_as_labels_leave_the_temperature_alone(world: World, picture: Any) -> None:
    champion: Version = world.production
    models = RoundModels(champion, world.blobs, TORCH)
    items = _items(world, picture)
    state = dict(models.artifact.state)
    unfitted = models.finished(state, items, 0, keeps_temperature=True).artifact
    refitted = models.finished(state, items, 0).artifact
    assert unfitted.temperature == models.artifact.temperature != refitted.temperature
    assert unfitted.reference is not None
    assert len(unfitted.reference) == len(items)


@pytest.mark.slow
def test_images_are_held_to_the_limits_of_the_settings(world: World, picture: Any) -> None:
    models = RoundModels(world.production, world.blobs, TORCH, ImageLimits(max_pixels=100))
    with pytest.raises(TooManyPixelsError):
        models.images(_items(world, picture))[0]


def test_a_candidate_is_judged_in_the_form_in_which_it_will_be_served(
    world: World, picture: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processor, "_capabilities", lambda: {"avx2": True})
    monkeypatch.setattr(served_form, "MIN_IMAGE_SIZE", 32)
    models = RoundModels(world.production, world.blobs, EngineSettings())
    items = _items(world, picture)
    candidate = models.finished(dict(models.artifact.state), items, 0)
    assert candidate.metrics()["served_precision"] == "int8"
    answers = models.answers(candidate, items)
    images = torch.stack([image for image, _ in (models.images(items)[index] for index in range(len(items)))])
    served, _ = load_engine(candidate.artifact, candidate.to_files(), EngineSettings())(images)
    assert answers.label_index.tolist() == served.argmax(dim=1).tolist()
    exact = models.answer_in_float32(dict(models.artifact.state), items)
    assert not torch.equal(exact, served)


def test_answers_that_are_no_numbers_are_left_to_the_gate(world: World, picture: Any) -> None:
    models = RoundModels(world.production, world.blobs, EngineSettings())
    broken = {**models.artifact.state, "fc.weight": models.artifact.state["fc.weight"] * float("nan")}
    candidate = models.finished(broken, _items(world, picture), 0)
    items = _items(world, picture)
    assert models.answers(candidate, items).num_not_finite == len(items)
