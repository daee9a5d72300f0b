"""`holdout renew` replaces the golden images."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result
from PIL import Image
from sqlalchemy import select

from perennial.settings.settings import Settings
from perennial.state import open_state
from store.database.schema import samples
from store.registry import production
from store.samples.pending import replayable
from store.samples.sample import Sample
from store.slices import slice_names, slice_samples

TRAIN = ("--weights", "none", "--image-size", "32", "--epochs", "1")
MakeImages = Callable[..., Path]


def fresh_images(folder: Path, num_each: int = 12, classes: tuple[str, ...] = ("blue", "red")) -> Path:
    """Make pictures that are like none of `make_images`."""
    rng = np.random.default_rng(7)
    for label in classes:
        (folder / label).mkdir(parents=True)
        for number in range(num_each):
            pixels = rng.integers(0, 256, (8, 8, 3)).repeat(4, axis=0).repeat(4, axis=1)
            Image.fromarray(pixels.astype(np.uint8)).save(folder / label / f"{number}.png")
    return folder


def golden(settings: Settings) -> dict[str, list[Sample]]:
    with open_state(settings) as state, state.database.read() as connection:
        return {name: slice_samples(connection, name) for name in slice_names(connection, 1)}


def learnable(settings: Settings) -> set[int]:
    with open_state(settings) as state, state.database.read() as connection:
        return {sample.id for sample in replayable(connection, ("blue", "red"))}


@pytest.fixture
def trained(run_json: Callable[..., Any], make_images: MakeImages, tmp_path: Path) -> Path:
    folder = make_images(tmp_path / "images")
    run_json("train", str(folder), *TRAIN)
    return folder


def test_new_images_are_golden_and_the_former_ones_return_to_training(
    trained: Path, run_json: Callable[..., Any], tmp_path: Path, settings: Settings
) -> None:
    before = {sample.id for sample in golden(settings)["golden-1"]}
    assert learnable(settings).isdisjoint(before)
    renewed = run_json("holdout", "renew", str(fresh_images(tmp_path / "fresh")))
    after = golden(settings)
    assert list(after) == ["golden-1-renewal-1"] == [renewed["slice"]]
    assert len(after[renewed["slice"]]) == renewed["num_golden"] == sum(renewed["num_by_class"].values())
    assert renewed["replaced"] == ["golden-1"]
    returned = learnable(settings) & before
    assert len(returned) == renewed["num_returned"] > 0
    assert renewed["num_returned"] + renewed["num_set_aside"] == len(before)


@pytest.mark.slow
def test_a_second_renewal_and_a_second_training_have_slices_of_new_names(
    trained: Path, run_json: Callable[..., Any], make_images: MakeImages, tmp_path: Path, settings: Settings
) -> None:
    run_json("holdout", "renew", str(fresh_images(tmp_path / "fresh")))
    more = make_images(tmp_path / "more", 60)
    for label in ("blue", "red"):
        for number in range(20, 60):
            shutil.copy(more / label / f"{number}.jpg", trained / label)
    run_json("train", str(trained), *TRAIN)
    assert [name for name, members in golden(settings).items() if members] == [
        "golden-1-renewal-1",
        "golden-1-v2",
    ]
    shutil.rmtree(tmp_path / "fresh")
    rng = np.random.default_rng(8)
    for label in ("blue", "red"):
        (tmp_path / "fresh" / label).mkdir(parents=True)
        for number in range(12):
            pixels = rng.integers(0, 256, (8, 8, 3)).repeat(4, axis=0).repeat(4, axis=1)
            Image.fromarray(pixels.astype(np.uint8)).save(tmp_path / "fresh" / label / f"{number}.png")
    assert run_json("holdout", "renew", str(tmp_path / "fresh"))["slice"] == "golden-1-renewal-2"
    assert list(golden(settings)) == ["golden-1-renewal-2"]


def test_images_that_were_learnt_are_refused(
    trained: Path, run: Callable[..., Result], settings: Settings
) -> None:
    before = golden(settings)
    result = run("holdout", "renew", str(trained))
    assert result.exit_code == 2
    assert "Expected new images" in result.stderr
    assert golden(settings) == before


@pytest.mark.slow
def test_other_classes_are_refused_by_name_and_nothing_is_stored(
    trained: Path, run: Callable[..., Result], tmp_path: Path, settings: Settings
) -> None:
    with open_state(settings) as state, state.database.read() as connection:
        num_before = len(connection.execute(select(samples.c.id)).all())
    result = run("holdout", "renew", str(fresh_images(tmp_path / "fresh", classes=("blue", "green"))))
    assert result.exit_code == 2
    assert "'green' is no class" in result.stderr
    assert "no image of 'red'" in result.stderr
    with open_state(settings) as state, state.database.read() as connection:
        assert len(connection.execute(select(samples.c.id)).all()) == num_before


def test_before_a_training_there_is_nothing_to_renew(
    run: Callable[..., Result], tmp_path: Path, settings: Settings
) -> None:
    with open_state(settings) as state, state.database.read() as connection:
        assert production(connection) is None
    result = run("holdout", "renew", str(fresh_images(tmp_path / "fresh")))
    assert result.exit_code == 2
    assert "perennial train" in result.stderr
