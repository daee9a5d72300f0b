"""A version that is made worse on purpose and promoted by hand is rolled back by the server itself."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import httpx
import pytest
import torch

from store.database.engine import sqlite_url
from store.state import State, opened
from store.versions import NewVersion, add_version, find_version, load_files
from vision.artifact import Artifact, from_files, to_files
from vision.augmentation import augmented
from vision.decoding import ImageLimits
from vision.evaluation import evaluate_logits
from vision.image_set import PreparedImages

LABELS = ("blue", "green", "red")


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_version_that_is_twenty_points_worse_is_rolled_back_within_500_images(
    make_server: Any, picture: Callable[..., bytes], wait_until: Any
) -> None:
    server = make_server()
    photographs = [(label, picture(label, 70_000 + n)) for n in range(150) for label in LABELS]
    with opened(sqlite_url(server.home / "perennial.db"), str(server.home / "blobs")) as state:
        _add_worse_version(state, photographs)
    server.start()
    with httpx.Client(base_url=server.url, timeout=30) as client:

        def status() -> dict[str, Any]:
            answer: dict[str, Any] = client.get("/v1/status").json()
            return answer

        def serves_v2() -> bool:
            return all(worker["version"] == "v2" for worker in status()["workers"])

        assert client.post("/v1/models/v2/promote").status_code == 200
        wait_until(serves_v2, "v2 serves", log=server.log)
        assert status()["watch"]["state"] == "watching"
        for label, content in photographs:
            headers = {"content-type": "image/jpeg"}
            answer = client.post("/v1/predict", content=content, headers=headers).json()
            sent = {"prediction_id": answer["prediction_id"], "label": label}
            assert client.post("/v1/feedback", json=sent).status_code == 201

        wait_until(lambda: status()["production"] == "v1", "v1 is production", seconds=240, log=server.log)
        ended = status()
        metrics = client.get("/metrics").text
    assert ended["watch"]["state"] == "rolled_back"
    assert ended["watch"]["images"] <= 500
    assert ended["paused"] is None
    assert "v2 was worse than v1" in server.run("status")
    assert "rolled back" in server.run("models")
    assert 'perennial_rollbacks_total{by="watch"} 1.0' in metrics


def _add_worse_version(state: State, photographs: Sequence[tuple[str, bytes]]) -> None:
    with state.database.read() as connection:
        champion = find_version(connection, "v1")
    worse = _biased(from_files(load_files(state.blobs, champion)), photographs)
    files = {name: state.blobs.put(content) for name, content in to_files(worse).items()}
    new = NewVersion(champion.class_names, files, {"served_precision": "float32"}, parent="v1")
    state.database.write(lambda c: add_version(c, new, []))


def _biased(artifact: Artifact, photographs: Sequence[tuple[str, bytes]]) -> Artifact:
    """Return a classifier that answers one class too often, so that it loses at least twenty points."""
    numbers = [artifact.class_names.index(label) for label, _ in photographs]
    images = PreparedImages(
        [(content, number) for (_, content), number in zip(photographs, numbers, strict=True)],
        augmented(artifact.preprocessing, "none"),
        ImageLimits(),
    )
    logits, _ = evaluate_logits(artifact.build(), images)

    def accuracy(bias: float) -> float:
        favoured = logits + bias * torch.eye(len(artifact.class_names))[0]
        return float(favoured.argmax(dim=1).eq(torch.tensor(numbers)).double().mean())

    bias = next(0.25 * step for step in range(200) if accuracy(0.25 * step) <= accuracy(0.0) - 0.2)
    [name] = [n for n, t in artifact.state.items() if t.shape == (3,) and n.endswith("bias")]
    changed = artifact.state[name].clone()
    changed[0] += bias
    return dataclasses.replace(artifact, state={**artifact.state, name: changed})
