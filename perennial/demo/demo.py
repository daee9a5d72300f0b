"""Runs the whole loop on a server of its own: train, serve, drift, feedback, a round, the swap."""

import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from perennial.demo.images import DemoImages
from perennial.demo.server import Client, Json, started_server
from perennial.errors import ServerError
from perennial.settings.settings import Settings
from perennial.state import open_state
from store.database.engine import sqlite_url
from transfer.digits import digits_transfer
from transfer.importing import import_images
from transfer.trained_version import TrainingJob, engine_settings, train_version
from vision.training.training import Epoch

ENDED = ("promoted", "rejected", "inconclusive", "failed", "cancelled", "awaiting_approval")
# A round that does nothing for so long has failed; on a busy machine one step may take a minute.
_STILL_SECONDS = 300.0
_SWAP_SECONDS = 60.0
# Images of the same content count once.
_MIN_ACCEPTED_SHARE = 0.9


@dataclass(frozen=True, slots=True)
class DemoResult:
    """What the demo measured; accuracies are in percent, on images that no part of the system had seen."""

    state: str
    reason: str | None
    old_before: float
    old_after: float
    new_before: float
    new_after: float
    version_before: str
    version_after: str
    num_unseen: int
    num_feedback: int
    round_seconds: float
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """Return the figures as JSON holds them."""
        return asdict(self)


class DemoListener(Protocol):
    """Is notified of what the demo does."""

    def on_step(self, message: str) -> None:
        """Note what happens next."""

    def on_count(self, unit: str, total: int) -> Callable[[], None]:
        """Return the function to call after each of `total` units."""


class _TrainingSteps:
    """Passes the epochs of the first training on."""

    def __init__(self, listener: DemoListener) -> None:
        self._listener = listener

    def on_batch(self, done: int, total: int) -> None:
        """Pass nothing on."""

    def on_run(self, name: str) -> None:
        """Pass nothing on."""

    def on_epoch(self, epoch: Epoch) -> None:
        """Pass the validation accuracy on."""
        accuracy = f"{100 * epoch.validation_accuracy:.1f} %"
        self._listener.on_step(f"  epoch {epoch.epoch}: validation accuracy {accuracy}")


def run_demo(images: DemoImages, settings: Settings, listener: DemoListener) -> DemoResult:
    """Run the loop in a temporary home, and return its figures.

    Raises:
        ServerError: The server failed or did not answer in time.
    """
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="perennial-demo-", ignore_cleanup_errors=True) as folder:
        home = Path(folder) / "home"
        _train(images, settings, home, listener)
        listener.on_step("Starting the demo's own server, with a learner beside it")
        threshold = min(settings.threshold_samples, round(_MIN_ACCEPTED_SHARE * len(images.feedback)))
        # Somebody waits for it: its round doesn't yield to whatever else the machine does.
        own = {"PERENNIAL_THRESHOLD_SAMPLES": str(threshold), "PERENNIAL_ROUND_PRIORITY": "normal"}
        with started_server(home, own) as client:
            outcome = _serve_and_learn(client, images, listener)
    return replace(outcome, seconds=round(time.monotonic() - began, 1))


def _train(images: DemoImages, settings: Settings, home: Path, listener: DemoListener) -> None:
    listener.on_step(f"Training on {len(images.initial)} images of {len(images.class_names)} classes")
    own = settings.model_copy(
        update={
            "home": home,
            "database_url": sqlite_url(home / "perennial.db"),
            "blobs": str(home / "blobs"),
            "keys": home / "keys.json",
        }
    )
    transfer = replace(
        digits_transfer(own.train()),
        image_size=images.image_size,
        augmentation=images.augmentation,
        limits=own.limits(),
    )
    job = TrainingJob(
        class_names=images.class_names,
        transfer=transfer,
        engines=engine_settings(own.train()),
        reason="The demo's first training.",
        description=f"{len(images.class_names)} classes of the demo",
        actor="demo",
    )
    on_image = listener.on_count("storing", len(images.initial))
    with open_state(own) as state:
        imported = import_images(state, images.parts(), images.class_names, own.train(), on_image)
        train_version(state, imported, job, _TrainingSteps(listener))


def _serve_and_learn(client: Client, images: DemoImages, listener: DemoListener) -> DemoResult:
    before = client.get("/v1/status")["production"]
    listener.on_step(f"{before} serves. Measuring it on {len(images.unseen_old)} images that it has not seen")
    old_before, new_before = _measure(client, images, listener)
    listener.on_step(f"  {old_before:.1f} % are right before the drift, {new_before:.1f} % after it")
    listener.on_step(
        f"The drift: {images.drift}. Users send {len(images.feedback)} such images with their labels"
    )
    client.send_all(images.feedback, listener.on_count("feedback", len(images.feedback)))
    ended = _wait_for_round(client, listener)
    if ended["state"] == "promoted":
        _wait_for_swap(client, ended["candidate"])
        listener.on_step(f"Every worker serves {ended['candidate']}; nothing was restarted")
    old_after, new_after = _measure(client, images, listener)
    return DemoResult(
        state=ended["state"],
        reason=ended["reason"],
        old_before=old_before,
        old_after=old_after,
        new_before=new_before,
        new_after=new_after,
        version_before=before,
        version_after=client.get("/v1/status")["production"],
        num_unseen=len(images.unseen_old),
        num_feedback=len(images.feedback),
        round_seconds=ended["seconds"],
        seconds=0.0,
    )


def _measure(client: Client, images: DemoImages, listener: DemoListener) -> tuple[float, float]:
    on_image = listener.on_count("measuring", len(images.unseen_old) + len(images.unseen_new))
    old = client.accuracy(images.unseen_old, on_image)
    new = client.accuracy(images.unseen_new, on_image)
    return round(100 * old, 2), round(100 * new, 2)


def _wait_for_round(client: Client, listener: DemoListener) -> Json:
    """Return the round when it has ended, however long that takes, as long as it gets on."""
    began = moved = time.monotonic()
    last, seen = "", ""
    while time.monotonic() < moved + _STILL_SECONDS:
        rounds = client.get("/v1/rounds?limit=1")["rounds"]
        if rounds and rounds[0]["state"] != last:
            last = rounds[0]["state"]
            listener.on_step(f"Round {rounds[0]['id']}: {last.replace('_', ' ')}")
        if last in ENDED:
            seconds = round(time.monotonic() - began, 1)
            return {**rounds[0], "seconds": seconds}
        # Its last step, and how far its training is.
        present = str(client.get("/v1/status")["round"])
        if present != seen:
            moved, seen = time.monotonic(), present
        time.sleep(0.5)
    raise ServerError(
        f"Expected a round that gets on, its last state was {last or 'none'}, and for {_STILL_SECONDS:.0f} s "
        "nothing happened. Close other programs, and run the demo again."
    )


def _wait_for_swap(client: Client, version: str) -> None:
    until = time.monotonic() + _SWAP_SECONDS
    while time.monotonic() < until:
        workers = client.get("/v1/status")["workers"]
        if workers and all(worker["version"] == version for worker in workers):
            return
        time.sleep(0.2)
    raise ServerError(f"Expected every worker to serve {version} within {_SWAP_SECONDS:.0f} s, not all do.")
