"""A tiny world: pictures of four colours by day and by night, and a small network that knows the day."""

import io
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from sqlalchemy import Connection

import retrain
from retrain.gate import GateSettings
from retrain.round import Handles, run_round
from retrain.settings import FineTuneSettings, RoundSettings
from store import leases, registry, rounds, samples, slices
from store.blobs import BlobStore
from store.database import Database, migrate
from store.registry import NewVersion, Version
from store.samples import FeedbackOutcome, NewSample, SplitSettings
from vision.artifact import Artifact, to_files
from vision.augmentation import augmented
from vision.evaluation import evaluate_logits
from vision.image_set import PreparedImages
from vision.network import build_classifier
from vision.perceptual_hash import perceptual_hash
from vision.preprocessing import ImageLimits, preprocessing_for
from vision.training import TrainingSettings, fit

CLASSES = ("blue", "green", "red", "yellow")
_COLOURS = {"blue": (60, 80, 200), "green": (60, 190, 80), "red": (200, 70, 60), "yellow": (200, 190, 60)}

# A rate and a gate for a hundred pictures instead of a thousand.
# An export takes seconds, and is left to those who ask for it; float32 answers the same on every processor.
FAST = RoundSettings(
    engine="torch",
    precision="float32",
    gate=GateSettings(min_direct=20),
    fine_tune=FineTuneSettings(epochs=5, learning_rate=1e-3, num_threads=1, batch_size=16),
)


def picture(label: str, number: int, *, night: bool = False) -> bytes:
    """Return a PNG of 32 × 32 pixels: its colour tells its class, its blocks tell its number.

    By night all is dark and blue, so that a network that knows only the day is often wrong.
    """
    rng = np.random.default_rng([number, *label.encode()])
    blocks = rng.integers(-70, 70, (4, 4, 1)).repeat(8, axis=0).repeat(8, axis=1)
    pixels = np.array(_COLOURS[label]) + blocks + rng.normal(0, 20, (32, 32, 3))
    if night:
        pixels = pixels * 0.3 + np.array([0, 0, 50])
    buffer = io.BytesIO()
    Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


@dataclass
class World:
    """A store with a champion, and what users and the learner do to it."""

    database: Database
    blobs: BlobStore
    url: str
    sent: int = 0
    settings: RoundSettings = field(default_factory=lambda: FAST)

    @property
    def production(self) -> Version:
        with self.database.read() as connection:
            found = registry.production(connection)
        assert found is not None
        return found

    @property
    def num_pending(self) -> int:
        with self.database.read() as connection:
            return samples.num_pending(connection)

    def add(self, label: str, content: bytes, **fields: object) -> FeedbackOutcome:
        new = NewSample(
            sha256=self.blobs.put(content),
            phash=perceptual_hash(Image.open(io.BytesIO(content)).convert("RGB")),
            label=label,
            **{"origin": "direct", "source": "tests", **fields},  # type: ignore[arg-type]  # fields of NewSample
        )
        splits = SplitSettings(near_duplicate_distance=0)
        return self.database.write(lambda c: samples.add_sample(c, new, CLASSES, splits))

    def send(self, labels: Sequence[str], num: int, **fields: object) -> None:
        """Send feedback on `num` pictures of the night."""
        for index in range(num):
            label = labels[index % len(labels)]
            self.add(label, picture(label, 10_000 + self.sent, night=True), **fields)
            self.sent += 1

    def begin(self, holder: str = "learner", seconds: float = 600.0) -> tuple[int, int]:
        """Ask for a round and begin it; return its number and the fencing number."""

        def work(connection: Connection) -> tuple[int, int]:
            fencing = leases.acquire(connection, holder, seconds)
            assert fencing is not None
            round_id = rounds.request_round(connection, "tests", "a test asks").id
            rounds.begin(connection, round_id, fencing)
            return round_id, fencing

        return self.database.write(work)

    def run(self, settings: RoundSettings | None = None) -> rounds.Round:
        """Run a round from request to verdict."""
        round_id, fencing = self.begin()
        run_round(self.handles(settings), round_id, fencing)
        return self.find_round(round_id)

    def handles(self, settings: RoundSettings | None = None) -> Handles:
        return Handles(self.database, self.blobs, settings or self.settings)

    def find_round(self, round_id: int) -> rounds.Round:
        with self.database.read() as connection:
            return rounds.find_round(connection, round_id)

    def attempts(self, round_id: int) -> list[rounds.Attempt]:
        with self.database.read() as connection:
            return rounds.attempts(connection, round_id)

    def steps(self, round_id: int) -> list[rounds.Step]:
        with self.database.read() as connection:
            return rounds.steps(connection, round_id)


@pytest.fixture(scope="session")
def day_artifact() -> Artifact:
    """A ResNet-18 at 32 pixels that was trained on the day."""
    preprocessing = preprocessing_for("resnet18", 32)
    cuts = {
        "train": _day("train"),
        "validation": _day("validation"),
    }
    images = {
        name: PreparedImages(
            [(content, CLASSES.index(label)) for label, content in part],
            augmented(preprocessing, "none"),
            ImageLimits(),
        )
        for name, part in cuts.items()
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


def _day(split: str) -> list[tuple[str, bytes]]:
    start, num = {"train": (0, 32), "validation": (1000, 10), "golden": (2000, 30)}[split]
    return [(label, picture(label, start + index)) for label in CLASSES for index in range(num)]


@pytest.fixture
def make_world(tmp_path: Path) -> Iterator[Callable[[], World]]:
    """Return a function that makes an empty store."""
    made: list[World] = []

    def make() -> World:
        url = f"sqlite:///{tmp_path / 'perennial.db'}"
        migrate(url)
        made.append(World(Database(url), BlobStore(str(tmp_path / "blobs")), url))
        return made[-1]

    yield make
    for world in made:
        world.database.close()
        world.blobs.close()


@pytest.fixture
def world(make_world: Callable[[], World], day_artifact: Artifact) -> World:
    """A store whose production version knows the day, with its golden set."""
    made = make_world()
    taken: dict[str, list[int]] = {
        split: [
            made.add(label, content, origin="initial", split=split).sample_id
            for label, content in _day(split)
        ]
        for split in ("train", "validation", "golden")
    }
    files = {name: made.blobs.put(content) for name, content in to_files(day_artifact).items()}

    def work(connection: Connection) -> None:
        new = NewVersion(class_names=CLASSES, files=files, margin=0.05)
        seen = [(i, split, None) for split in ("train", "validation") for i in taken[split]]
        version = registry.add_version(connection, new, seen)
        slices.add_slice(connection, "golden-1", version.lineage, None, taken["golden"])
        registry.promote(connection, version.version, reason="trained", actor="train")

    made.database.write(work)
    return made


# A child that learns nothing: it writes a step ten times a second, under its fencing number.
_TICKING_CHILD = """
import sys, time
from retrain.exit_status import FENCED
from store import rounds
from store.database import Database
from store.errors import FencedError

url, blobs, round_id, fencing = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[5])
database = Database(url)
try:
    while True:
        database.write(lambda c: rounds.add_step(c, round_id, "tick", {}, fencing))
        time.sleep(0.1)
except FencedError:
    sys.exit(FENCED)
"""

# A child that learns, as `perennial run-round` does, but at a weight that a busy machine doesn't starve.
_LEARNING_CHILD = """
import sys
from retrain import child
child.die_with_parent()
from retrain.gate import GateSettings
from retrain.round import Handles
from retrain.settings import FineTuneSettings, RoundSettings
from store.blobs import BlobStore
from store.database import Database

url, blobs, round_id, fencing = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[5])
settings = RoundSettings(
    gate=GateSettings(min_direct=20),
    fine_tune=FineTuneSettings(epochs=5, learning_rate=1e-3, num_threads=1, batch_size=16),
)
sys.exit(child.main(Handles(Database(url), BlobStore(blobs), settings), round_id, fencing))
"""

_LEARNER = """
import logging, sys
from retrain.scheduler import Learner
from retrain.settings import LearnerSettings
from store.blobs import BlobStore
from store.database import Database

logging.basicConfig(level=logging.INFO)
url, blobs, holder, lease_seconds, child = sys.argv[1:]
settings = LearnerSettings(
    child_command=(sys.executable, child, url, blobs),
    holder=holder,
    lease_seconds=float(lease_seconds),
    poll_seconds=0.1,
    trigger_seconds=0.5,
)
Learner(Database(url), BlobStore(blobs), settings).run()
assert "torch" not in sys.modules, "a learner has no use for torch"
print("clean")
"""


def _wait_until(claim: Callable[[], bool], what: str, seconds: float = 60.0) -> None:
    until = time.monotonic() + seconds
    while not claim():
        if time.monotonic() > until:
            pytest.fail(f"Waited {seconds} s in vain until {what}.")
        time.sleep(0.05)


@pytest.fixture
def wait_until() -> Callable[..., None]:
    return _wait_until


@pytest.fixture
def start_learner(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Return a function that starts a learner of a world; its children are "ticking" or "learning"."""
    started: list[subprocess.Popen[str]] = []
    for name, text in (("ticking", _TICKING_CHILD), ("learning", _LEARNING_CHILD), ("learner", _LEARNER)):
        (tmp_path / f"{name}.py").write_text(text)

    def start(
        world: World, holder: str, *, child: str = "ticking", lease_seconds: float = 2.0
    ) -> subprocess.Popen[str]:
        program = [sys.executable, str(tmp_path / "learner.py")]
        arguments = [world.url, str(tmp_path / "blobs"), holder, str(lease_seconds)]
        process = subprocess.Popen(
            [*program, *arguments, str(tmp_path / f"{child}.py")],
            env={**os.environ, "PYTHONPATH": str(Path(retrain.__file__).parents[1]), "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        # Not `communicate`: a child that hangs would hold the other end of the pipe.
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


@pytest.fixture
def small_world(make_world: Callable[[], World]) -> World:
    """A store with a production version that has no weights: enough for all but learning."""
    made = make_world()

    def work(connection: Connection) -> None:
        registry.add_version(connection, NewVersion(class_names=CLASSES, files={"weights": "a" * 64}), [])
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
