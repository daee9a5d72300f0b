"""Stores for rounds to run on, and the network that knows the day."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from sqlalchemy import Connection

from retrain import candidate
from retrain.fine_tune import fine_tune
from retrain.settings import RoundSettings
from store import registry, slices
from store.blobs.blob_store import BlobStore
from store.database.database import Database
from store.database.facts import write_fact
from store.versions import NewVersion, add_version
from tests.retrain.world import CLASSES, FAST, World, day_pictures, picture
from vision.artifact import Artifact, to_files
from vision.augmentation import augmented
from vision.decoding import ImageLimits
from vision.evaluation import evaluate_logits
from vision.image_set import PreparedImages
from vision.network import build_classifier
from vision.preprocessing import preprocessing_for
from vision.training.training import TrainingResult, TrainingSettings, fit


@pytest.fixture(scope="session")
def day_artifact() -> Artifact:
    """A ResNet-18 at 32 pixels that was trained on the day."""
    preprocessing = preprocessing_for("resnet18", 32)
    images = {
        split: PreparedImages(
            [(content, CLASSES.index(label)) for label, content in day_pictures(split)],
            augmented(preprocessing, "none"),
            ImageLimits(),
        )
        for split in ("train", "validation")
    }
    torch.set_num_threads(1)
    torch.manual_seed(0)
    classifier = build_classifier("resnet18", len(CLASSES), "none")
    settings = TrainingSettings(
        epochs=4, batch_size=16, learning_rate=1e-3, optimizer="adamw", schedule="constant", num_threads=1
    )
    result = fit(classifier, images["train"], images["validation"], settings)
    _, embeddings = evaluate_logits(classifier, images["validation"])
    return Artifact("resnet18", CLASSES, preprocessing, result.state, reference=embeddings.to(torch.float16))


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory, empty_database: Path) -> Path:
    """A folder with an empty store, to copy."""
    folder = tmp_path_factory.mktemp("empty-store")
    shutil.copy(empty_database, folder)
    with opened(folder) as world:
        # The same splits in each run: a hundred pictures are few.
        world.database.write(lambda c: write_fact(c, "split_secret", "00" * 32))
    return folder


@pytest.fixture(scope="session")
def day_store(tmp_path_factory: pytest.TempPathFactory, empty_store: Path, day_artifact: Artifact) -> Path:
    """A folder with a store whose production version knows the day, with its golden set, to copy."""
    folder = tmp_path_factory.mktemp("day-store")
    shutil.copytree(empty_store, folder, dirs_exist_ok=True)
    with opened(folder) as world:
        fill(world, day_artifact)
    return folder


@contextmanager
def opened(folder: Path) -> Iterator[World]:
    """Open the store in a folder."""
    url = f"sqlite:///{folder / 'perennial.db'}"
    world = World(Database(url), BlobStore(str(folder / "blobs")), url)
    yield world
    world.database.close()
    world.blobs.close()


def fill(world: World, artifact: Artifact) -> None:
    """Add the pictures by day, and a production version that learnt them."""
    ids_by_split: dict[str, list[int]] = {
        split: [
            world.add(label, content, origin="initial", split=split).sample_id
            for label, content in day_pictures(split)
        ]
        for split in ("train", "validation", "golden")
    }
    files = {name: world.blobs.put(content) for name, content in to_files(artifact).items()}

    def work(connection: Connection) -> None:
        new = NewVersion(class_names=CLASSES, files=files, margin=0.05)
        seen = [(i, split, None) for split in ("train", "validation") for i in ids_by_split[split]]
        version = add_version(connection, new, seen)
        slices.add_slice(connection, "golden-1", version.lineage, None, ids_by_split["golden"])
        registry.promote(connection, version.version, reason="trained", actor="train")

    world.database.write(work)


@pytest.fixture
def make_world(tmp_path: Path, empty_store: Path) -> Iterator[Callable[[], World]]:
    """Return a function that makes an empty store."""
    with ExitStack() as stack:

        def make() -> World:
            shutil.copytree(empty_store, tmp_path, dirs_exist_ok=True)
            return stack.enter_context(opened(tmp_path))

        yield make


@pytest.fixture
def world(tmp_path: Path, day_store: Path) -> Iterator[World]:
    """A store whose production version knows the day, with its golden set."""
    shutil.copytree(day_store, tmp_path, dirs_exist_ok=True)
    with opened(tmp_path) as world:
        yield world


@pytest.fixture
def small_world(make_world: Callable[[], World]) -> World:
    """A store with a production version that has no weights: enough for all but learning."""
    made = make_world()

    def work(connection: Connection) -> None:
        add_version(connection, NewVersion(class_names=CLASSES, files={"weights": "a" * 64}), [])
        registry.promote(connection, "v1", reason="trained", actor="train")

    made.database.write(work)
    return made


@pytest.fixture
def without_replay() -> RoundSettings:
    """Rounds that forget: no replay, and a rate that is far too high."""
    return replace(FAST, fine_tune=replace(FAST.fine_tune, replay_ratio=0.0, learning_rate=1e-3, epochs=4))


@pytest.fixture(name="picture")
def picture_fixture() -> Callable[..., bytes]:
    return picture


@pytest.fixture
def trained_once(monkeypatch: pytest.MonkeyPatch, training_results: list[TrainingResult]) -> None:
    """Train once for all tests of a module that use this, which have to send the same pictures to learn."""

    def fine_tune_once(*arguments: Any, **hooks: Any) -> TrainingResult:
        if not training_results:
            training_results.append(fine_tune(*arguments, **hooks))
        return training_results[0]

    monkeypatch.setattr(candidate, "fine_tune", fine_tune_once)


@pytest.fixture(scope="module")
def training_results() -> list[TrainingResult]:
    return []
