"""The whole story on a server of its own: train, serve, drift, feedback, a round, the swap."""

import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from perennial.demo_server import Client, Json, started_server
from perennial.demo_world import World
from perennial.errors import ServerError
from perennial.importing import import_images
from perennial.initial_training import Job, Progress, engine_settings, train_version
from perennial.settings import Settings
from perennial.starter import digits_transfer
from perennial.state import open_state
from vision.training import Epoch

ENDED = ("promoted", "rejected", "inconclusive", "failed", "cancelled", "awaiting_approval")
_ROUND_SECONDS = 900.0
_SWAP_SECONDS = 60.0
# Of the images sent, these are sure to be on the training side: about one in five is kept for judging.
_SURE_TO_TRAIN = 0.72


@dataclass(frozen=True, slots=True)
class Story:
    """What the demo measured; accuracies in points, on images that no part of the system had seen."""

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
        """Return the figures as JSON can hold them."""
        return asdict(self)


class Audience(Protocol):
    """Who is told the story."""

    def say(self, message: str) -> None:
        """Hear what happens next."""

    def progress(self, what: str, total: int) -> Callable[[], None]:
        """Return what to call after each of `total` things."""


def tell(world: World, settings: Settings, audience: Audience) -> Story:
    """Run the story in a temporary home, and return its figures.

    Raises:
        ServerError: The server did not do its part.
    """
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="perennial-demo-", ignore_cleanup_errors=True) as folder:
        home = Path(folder) / "home"
        _train(world, settings, home, audience)
        audience.say("Starting a server of its own, with a learner beside it")
        threshold = min(settings.threshold, round(_SURE_TO_TRAIN * len(world.feedback)))
        with started_server(home, {"PERENNIAL_THRESHOLD": str(threshold)}) as client:
            story = _serve_and_learn(client, world, audience)
    return replace(story, seconds=round(time.monotonic() - began, 1))


def _train(world: World, settings: Settings, home: Path, audience: Audience) -> None:
    audience.say(f"Training on {len(world.initial)} images of {len(world.class_names)} classes")
    own = settings.model_copy(
        update={
            "home": home,
            "database_url": f"sqlite:///{home / 'perennial.db'}",
            "blobs": str(home / "blobs"),
            "keys": home / "keys.json",
        }
    )
    transfer = replace(
        digits_transfer(own),
        image_size=world.image_size,
        augmentation=world.augmentation,
        limits=own.limits(),
    )
    job = Job(
        class_names=world.class_names,
        transfer=transfer,
        engines=engine_settings(own),
        reason="The demo's first training.",
        description=f"{len(world.class_names)} classes of the demo",
        actor="demo",
    )
    on_image = audience.progress("storing", len(world.initial))

    def on_epoch(epoch: Epoch) -> None:
        audience.say(f"  epoch {epoch.epoch}: validation accuracy {100 * epoch.validation_accuracy:.1f} %")

    with open_state(own) as state:
        imported = import_images(state, world.parts(), world.class_names, own.limits(), own.split(), on_image)
        train_version(state, imported, job, Progress(on_epoch, lambda done, total: None))


def _serve_and_learn(client: Client, world: World, audience: Audience) -> Story:
    before = client.get("/v1/status")["production"]
    audience.say(f"{before} serves. Asking it about {len(world.unseen_old)} images that nothing has seen")
    old_before, new_before = _measure(client, world, audience)
    audience.say(f"  as the world was: {old_before:.1f} % right; now that it drifted: {new_before:.1f} %")
    audience.say(f"The drift: {world.drift}. Users send {len(world.feedback)} such images with their labels")
    client.send_all(world.feedback, audience.progress("feedback", len(world.feedback)))
    ended = _wait_for_round(client, audience)
    if ended["state"] == "promoted":
        _wait_for_swap(client, ended["candidate"])
        audience.say(f"Every worker serves {ended['candidate']}, and nothing was restarted")
    old_after, new_after = _measure(client, world, audience)
    return Story(
        state=ended["state"],
        reason=ended["reason"],
        old_before=old_before,
        old_after=old_after,
        new_before=new_before,
        new_after=new_after,
        version_before=before,
        version_after=client.get("/v1/status")["production"],
        num_unseen=len(world.unseen_old),
        num_feedback=len(world.feedback),
        round_seconds=ended["seconds"],
        seconds=0.0,
    )


def _measure(client: Client, world: World, audience: Audience) -> tuple[float, float]:
    on_image = audience.progress("measuring", len(world.unseen_old) + len(world.unseen_new))
    old = client.accuracy(world.unseen_old, on_image)
    new = client.accuracy(world.unseen_new, on_image)
    return round(100 * old, 2), round(100 * new, 2)


def _wait_for_round(client: Client, audience: Audience) -> Json:
    began, last = time.monotonic(), ""
    while time.monotonic() < began + _ROUND_SECONDS:
        found = client.get("/v1/rounds?limit=1")["rounds"]
        if found and found[0]["state"] != last:
            last = found[0]["state"]
            audience.say(f"Round {found[0]['id']}: {last.replace('_', ' ')}")
        if last in ENDED:
            seconds = round(time.monotonic() - began, 1)
            return {**found[0], "seconds": seconds}
        time.sleep(0.5)
    raise ServerError(
        f"Expected a round to end within {_ROUND_SECONDS:.0f} s, the last state seen was {last or 'none'}. "
        "Close other programs, and run the demo again."
    )


def _wait_for_swap(client: Client, version: str) -> None:
    until = time.monotonic() + _SWAP_SECONDS
    while time.monotonic() < until:
        workers = client.get("/v1/status")["workers"]
        if workers and all(worker["version"] == version for worker in workers):
            return
        time.sleep(0.2)
    raise ServerError(f"Expected every worker to serve {version} within {_SWAP_SECONDS:.0f} s, not all do.")
