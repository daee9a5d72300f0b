"""The product's own rounds on a stream."""

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from benchmarks.continual.stream import IMAGE_SIZE
from benchmarks.photographs import Photograph, write_folder
from benchmarks.sending import send
from benchmarks.serving.filling import state_of
from benchmarks.serving.servers import ROOT, clean_environment, run_perennial
from store.registry import production
from store.samples.pending import TRAINING_SPLITS, pending_samples
from store.state import State
from store.versions import load_files
from vision.artifact import Artifact, from_files

# A first version costs more than all that is measured after it; more passes would make it better by little.
_EPOCHS = 12


@dataclass(frozen=True, slots=True)
class Round:
    """One round of the product.

    Attributes:
        state: How it ended.
        reason: Why.
        cpu_seconds: Of its process, all threads.
        artifact: Production after it.
        learnt: The samples that a rival may learn from too: those for training and for validation.
    """

    state: str
    reason: str
    cpu_seconds: float
    artifact: Artifact
    learnt: tuple[tuple[bytes, str], ...]


def train_start(photographs: Sequence[Photograph], home: Path) -> None:
    """Train the first version of a home, unless it is there."""
    if (home / "perennial.db").exists():
        return
    images = home.with_name(f"{home.name}-images")
    write_folder(photographs, images)
    environment = clean_environment() | {"PERENNIAL_HOME": str(home)}
    size, epochs = ("--image-size", str(IMAGE_SIZE)), ("--epochs", str(_EPOCHS))
    run_perennial(environment, "train", str(images), "--weights", "none", *size, *epochs)
    shutil.rmtree(images)


class Product:
    """A copy of a home in which rounds run one after another."""

    def __init__(self, start: Path, folder: Path, settings: dict[str, str]) -> None:
        shutil.copytree(start, folder)
        self._environment = clean_environment() | {"PERENNIAL_HOME": str(folder), **settings}

    def production(self) -> Artifact:
        """Return the version in production."""
        with state_of(self._environment) as state:
            return production_artifact(state)

    def learn(self, photographs: Sequence[Photograph]) -> Round:
        """Send pictures with their labels, and run a round on them."""
        with state_of(self._environment) as state:
            ids = send(state, photographs, is_trusted=True)
            with state.database.read() as connection:
                learnt = _learnable(connection, ids)
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.scale.one_round"],
            env=self._environment, capture_output=True, text=True, check=False, cwd=ROOT,
        )  # fmt: skip
        if done.returncode:
            raise SystemExit(f"The round failed:\n{done.stderr[-4000:]}")
        result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        with state_of(self._environment) as state:
            return Round(
                state=result["state"],
                reason=result["reason"],
                cpu_seconds=result["cpu_seconds"],
                artifact=production_artifact(state),
                learnt=tuple((state.blobs.get(sha256), label) for sha256, label in learnt),
            )


def production_artifact(state: State) -> Artifact:
    """Return the version in production, in float32."""
    with state.database.read() as connection:
        version = production(connection)
    if version is None:
        raise SystemExit("Expected a version in production, found none.")
    return from_files(load_files(state.blobs, version))


def _learnable(connection: Connection, ids: Sequence[int]) -> list[tuple[str, str]]:
    wanted = set(ids)
    return [
        (sample.sha256, str(sample.label))
        for sample in pending_samples(connection)
        if sample.id in wanted and sample.split in TRAINING_SPLITS
    ]
