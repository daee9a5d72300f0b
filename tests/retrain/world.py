"""A tiny world: pictures of four colours by day and by night, and a store that users and the learner fill."""

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial

import numpy as np
from PIL import Image
from sqlalchemy import Connection

from retrain.journal import Journal
from retrain.round import run_round
from retrain.settings import FineTuneSettings, RoundSettings
from store import leases, registry
from store.blobs.blob_store import BlobStore
from store.database.database import Database
from store.predictions.prediction_ids import new_prediction_id
from store.predictions.predictions import LoggedPrediction, log_predictions
from store.rounds import progress, records, rounds
from store.rounds.log import Attempt, Step, read_attempts, read_steps
from store.rounds.records import Round
from store.samples import samples
from store.samples.new_samples import NewSample
from store.samples.pending import num_pending
from store.samples.samples import FeedbackOutcome
from store.samples.splits import SplitSettings
from store.state import State
from store.versions import Version
from vision.perceptual_hash import perceptual_hash

CLASSES = ("blue", "green", "red", "yellow")
_COLOURS = {
    "blue": (60, 80, 200),
    "green": (60, 190, 80),
    "red": (200, 70, 60),
    "yellow": (200, 190, 60),
    # No class of the first version; between two of them in the alphabet.
    "purple": (170, 60, 190),
}

# A learning rate and a gate for a hundred pictures instead of a thousand. The engine is torch, since an
# export for OpenVINO takes seconds; float32 answers the same on every processor.
FAST = RoundSettings(
    engine="torch",
    precision="float32",
    candidates="full",
    min_direct=20,
    fine_tune=FineTuneSettings(epochs=5, learning_rate=1e-3, num_threads=1, batch_size=16),
)


def picture(label: str, number: int, *, night: bool = False) -> bytes:
    """Return a PNG of 32 × 32 pixels: its colour depends on its class, its blocks on its number.

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


def scene(number: int, noise: int = 0) -> bytes:
    """Return a picture that is like no other but those of its number."""
    rng = np.random.default_rng(number)
    pixels = rng.integers(0, 256, (8, 8, 3)).repeat(8, axis=0).repeat(8, axis=1)
    pixels[:noise] ^= 1
    buffer = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(buffer, "PNG")
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
            version = registry.production(connection)
        assert version is not None
        return version

    @property
    def num_pending(self) -> int:
        with self.database.read() as connection:
            return num_pending(connection)

    def add(self, label: str, content: bytes, **fields: object) -> FeedbackOutcome:
        new = NewSample(
            sha256=self.blobs.put(content),
            phash=perceptual_hash(Image.open(io.BytesIO(content)).convert("RGB")),
            label=label,
            **{"origin": "direct", "source": "tests", "is_trusted": True, **fields},  # type: ignore[arg-type]  # fields of NewSample
        )
        splits = SplitSettings(near_duplicate_distance=0)
        return self.database.write(lambda c: samples.add_sample(c, new, CLASSES, splits))

    def send(self, labels: Sequence[str], num: int, **fields: object) -> None:
        """Send feedback on `num` pictures of the night."""
        for index in range(num):
            label = labels[index % len(labels)]
            self.add(label, picture(label, 10_000 + self.sent, night=True), **fields)
            self.sent += 1

    def night(self, num: int) -> list[tuple[str, bytes]]:
        """Return (label, content) of pictures of the night that nobody has seen, of all classes."""
        numbers = range(self.sent, self.sent + num)
        self.sent += num
        labels = [CLASSES[number % len(CLASSES)] for number in numbers]
        return [
            (label, picture(label, 10_000 + number, night=True))
            for label, number in zip(labels, numbers, strict=True)
        ]

    def predict(
        self,
        contents: Sequence[bytes],
        *,
        held_out: bool = True,
        source: str = "app",
        group: str | None = None,
        created: datetime | None = None,
    ) -> list[str]:
        """Log a prediction on each image, all of them held out or none, and return their SHA-256s."""
        moment = created or datetime.now(UTC)
        rows = [
            LoggedPrediction(
                id=new_prediction_id(moment),
                sha256=self.blobs.put(content),
                num_bytes=len(content),
                label=CLASSES[0],
                confidence=0.8,
                version=self.production.version,
                embedding=b"",
                group=group,
                source=source,
                created=moment,
            )
            for content in contents
        ]
        splits = SplitSettings(holdout_fraction=float(held_out), validation_fraction=0.15, audit_fraction=0.0)
        self.database.write(lambda c: log_predictions(c, rows, splits))
        return [row.sha256 for row in rows]

    def acquire_lease(self, holder: str = "learner", seconds: float = 600.0) -> int:
        """Acquire the lease, which must be free, and return the fencing number."""
        fencing = self.database.write(lambda c: leases.acquire(c, holder, seconds))
        assert fencing is not None
        return fencing

    def begin(self) -> tuple[int, int]:
        """Request a round and begin it; return its number and the fencing number."""
        fencing = self.acquire_lease()

        def work(connection: Connection) -> int:
            round_id = rounds.request_round(connection, "tests", "for a test").id
            progress.begin(connection, round_id, fencing)
            return round_id

        return self.database.write(work), fencing

    def advance(self, round_id: int, fencing: int, *states: str) -> None:
        """Move a round that was begun through states."""
        for state in states:
            self.database.write(partial(progress.advance, round_id=round_id, state=state, fencing=fencing))

    def run(self, settings: RoundSettings | None = None) -> Round:
        """Run a round from request to verdict."""
        round_id, fencing = self.begin()
        self.go_on(round_id, fencing, settings)
        return self.find_round(round_id)

    def go_on(self, round_id: int, fencing: int, settings: RoundSettings | None = None) -> None:
        """Run a round that was begun."""
        run_round(self.state, settings or self.settings, Journal(self.database, round_id, fencing))

    @property
    def state(self) -> State:
        return State(self.database, self.blobs)

    def find_round(self, round_id: int) -> Round:
        with self.database.read() as connection:
            return records.find_round(connection, round_id)

    def attempts(self, round_id: int) -> list[Attempt]:
        with self.database.read() as connection:
            return read_attempts(connection, round_id)

    def steps(self, round_id: int) -> list[Step]:
        with self.database.read() as connection:
            return read_steps(connection, round_id)


def day_pictures(split: str) -> list[tuple[str, bytes]]:
    """Return (label, content) of the pictures by day of a split: train, validation or golden."""
    start, num = {"train": (0, 32), "validation": (1000, 10), "golden": (2000, 30)}[split]
    return [(label, picture(label, start + index)) for label in CLASSES for index in range(num)]
