"""Learners and rounds in processes of their own."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import retrain
from tests.retrain.world import World, scene

# A child that learns nothing: it writes a step ten times a second, under its fencing number.
_TICKING_CHILD = """
import sys, time
from retrain.learner.round_process import FENCED
from store.database.database import Database
from store.errors import FencedError
from store.rounds import log

url, blobs, round_id, fencing = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[5])
database = Database(url)
try:
    while True:
        database.write(lambda c: log.add_step(c, round_id, "tick", {}, fencing))
        time.sleep(0.1)
except FencedError:
    sys.exit(FENCED)
"""

# A child that learns, as `perennial run-round` does, but at a weight that a busy machine doesn't starve.
_LEARNING_CHILD = """
import sys
from retrain.learner import child
from retrain.learner.round_process import die_with_parent
die_with_parent()
from retrain.journal import Journal
from retrain.settings import FineTuneSettings, RoundSettings
from store.blobs.blob_store import BlobStore
from store.database.database import Database
from store.state import State

url, blobs, round_id, fencing = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[5])
settings = RoundSettings(
    min_direct=20,
    fine_tune=FineTuneSettings(epochs=5, learning_rate=1e-3, num_threads=1, batch_size=16),
)
state = State(Database(url), BlobStore(blobs))
sys.exit(child.main(state, settings, Journal(state.database, round_id, fencing)))
"""

_LEARNER = """
import logging, sys
from retrain.learner.scheduler import Learner
from retrain.learner.settings import LearnerSettings
from store.blobs.blob_store import BlobStore
from store.database.database import Database

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
def pool(small_world: World) -> None:
    """Have enough images predicted, after all labels came, that a round could prove something."""
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    small_world.predict([scene(number) for number in range(90)], created=tomorrow)


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
