"""`bentoml build` packs the whole loop, and `bentoml serve` runs it from any folder."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

ROOT = Path(__file__).parents[2]
CLIENT = """
import json, sys
from pathlib import Path

import bentoml

with bentoml.SyncHTTPClient(sys.argv[1]) as client:
    prediction = client.predict(image=Path(sys.argv[2]))
    outcome = client.feedback(prediction_id=prediction["prediction_id"], label=prediction["label"])
print(json.dumps([prediction, outcome]))
"""


@pytest.fixture
def bentos(tmp_path: Path) -> Path:
    """BentoML's store with our Bento in it, built without access to a package index."""
    home = tmp_path / "bentos"
    environment = {**os.environ, "BENTOML_HOME": str(home), "BENTOML_DO_NOT_TRACK": "True"}
    # As after `make up`, which has its uv in the environment only.
    environment["PATH"] = os.defpath
    nowhere = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), "http://127.0.0.1:9")
    done = subprocess.run(
        [sys.executable, "-m", "bentoml", "build"],
        cwd=ROOT,
        env=environment | nowhere,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return home


def _predict_and_label(server: Any, image: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    # In a process of its own, as BentoML's client warns when it is imported and when it ends.
    command = [sys.executable, "-c", CLIENT, server.url, str(image)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=server.variables())
    assert done.returncode == 0, done.stderr
    prediction, outcome = json.loads(done.stdout)
    return prediction, outcome


def _folders_of_learners(server: Any) -> list[Path]:
    folders = []
    for pid in server.pids():
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            if words[1:4] == [b"-m", b"perennial", b"learn"]:
                folders.append(Path(f"/proc/{pid}/cwd").resolve())
        except FileNotFoundError:
            continue
    return folders


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_built_bento_serves_and_learns_from_another_folder(
    bentos: Path, fresh_server: Any, picture: Callable[..., bytes], tmp_path: Path, wait_until: Any
) -> None:
    (tmp_path / "a.jpg").write_bytes(picture("red", 1))
    # Relative places are those of the folder where the command was given, not of the Bento.
    places = {"PERENNIAL_HOME": "home", "PERENNIAL_BLOBS": "pictures", "PERENNIAL_KEYS": "keys.json"}
    server = fresh_server(
        words=("bentoml", "serve", "perennial:latest", "--host", "127.0.0.1"),
        environment=places | {"BENTOML_HOME": str(bentos)},
        ready_seconds=300,
    ).start()

    prediction, outcome = _predict_and_label(server, tmp_path / "a.jpg")
    assert prediction["model_version"] == "v1"
    assert outcome["status"] == "accepted"
    folder = server.home.parent
    assert {"home", "pictures"} <= {entry.name for entry in folder.iterdir()}
    assert (server.home / "perennial.db").is_file()

    wait_until(lambda: bool(_folders_of_learners(server)), "a learner runs", log=server.log)
    assert all(bentos in place.parents for place in _folders_of_learners(server))
    requested = httpx.post(f"{server.url}/v1/rounds", timeout=30)
    assert requested.status_code == 202
    round_url = f"{server.url}/v1/rounds/{requested.json()['id']}"
    wait_until(
        lambda: httpx.get(round_url, timeout=30).json()["state"] != "requested",
        "the learner starts the round",
        log=server.log,
    )
