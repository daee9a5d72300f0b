"""The BentoML service as `bentoml serve` runs it: two workers on one store, over HTTP."""

import json
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx
import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image
from sqlalchemy import Connection

from perennial.cli import main
from store.blobs.blob_store import BlobStore
from store.database.database import Database
from store.database.migrate import migrate
from store.registry import promote
from store.versions import NewVersion, add_version
from vision.artifact import Artifact
from vision.engines.choice import EngineSettings
from vision.engines.served_model import served
from vision.network import build_classifier
from vision.preprocessing import preprocessing_for

CLASS_NAMES = ("blue", "green", "red")
JPEG = {"Content-Type": "image/jpeg"}
ROOT = Path(__file__).parents[2]


def until(claim: Callable[[], bool], seconds: float = 120.0) -> None:
    deadline = time.monotonic() + seconds
    while not claim():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _add_version(new: NewVersion, connection: Connection) -> None:
    add_version(connection, new, [])


def _fill(home: Path) -> None:
    """Put two versions with random weights into a home; v1 is production."""
    home.mkdir()
    url = f"sqlite:///{home / 'perennial.db'}"
    migrate(url)
    database, blobs = Database(url), BlobStore(str(home / "blobs"))
    for seed, parent in ((1, None), (2, "v1")):
        torch.manual_seed(seed)
        state = build_classifier("resnet18", len(CLASS_NAMES), "none").state_dict()
        artifact = Artifact("resnet18", CLASS_NAMES, preprocessing_for("resnet18", 32), state)
        model = served(artifact, [], EngineSettings())
        files = {name: blobs.put(content) for name, content in model.to_files().items()}
        new = NewVersion(CLASS_NAMES, files, model.metrics(), parent=parent)
        database.write(partial(_add_version, new))
    database.write(lambda connection: promote(connection, "v1", reason="a test", actor="test"))
    database.close()
    blobs.close()


@dataclass
class Server:
    home: Path
    port: int
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        return (self.home.parent / "server.log").read_text()

    def is_ready(self) -> bool:
        assert self.process.poll() is None, self.log
        try:
            return httpx.get(f"{self.url}/readyz", timeout=5).status_code == 200
        except httpx.TransportError:
            return False

    def versions(self) -> list[str]:
        workers = httpx.get(f"{self.url}/v1/status", timeout=30).json()["workers"]
        return [worker["version"] for worker in workers]

    def serves(self, version: str) -> bool:
        return self.versions() == [version] * 2


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("server")
    _fill(folder / "home")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    variables = {name: value for name, value in os.environ.items() if not name.startswith("PERENNIAL_")}
    variables.pop("PROMETHEUS_MULTIPROC_DIR", None)
    variables |= {
        "PERENNIAL_HOME": str(folder / "home"),
        "PERENNIAL_WORKERS": "2",
        "PERENNIAL_LEARNER": "off",
    }
    command = [sys.executable, "-m", "bentoml", "serve", "perennial.app:Perennial", "--host", "0.0.0.0"]
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "--port", str(port)], cwd=ROOT, env=variables, stdout=log, stderr=log
        )
    started = Server(folder / "home", port, process)
    until(started.is_ready)
    until(partial(started.serves, "v1"))
    yield started
    if process.poll() is None:
        process.terminate()
        process.wait(30)


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("image") / "a.jpg"
    pixels = np.random.default_rng(0).integers(0, 255, (32, 32, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(file)
    return file


@pytest.mark.slow
def test_a_second_server_on_its_home_is_refused_by_its_address(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PERENNIAL_HOME", str(server.home))
    result = CliRunner().invoke(main, ["serve"])
    named = f"127.0.0.1:{server.port} (process {server.process.pid}) has {server.home}"
    assert (result.exit_code, named in result.stderr) == (2, True), result.output


def test_a_command_in_another_folder_names_the_home_of_the_server(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    named = f"PERENNIAL_HOME={server.home}"
    result = CliRunner().invoke(main, ["status"])
    assert (result.exit_code, named in result.stderr) == (2, True), result.output
    # A key in a home that nobody serves would protect nothing.
    assert CliRunner().invoke(main, ["keys", "add", "camera"]).exit_code == 0
    assert named in caplog.text


CLIENT = """
import json, sys
from pathlib import Path

import bentoml
from bentoml.exceptions import BentoMLException

def error_code_of(request):
    try:
        return request()
    except BentoMLException as error:
        return json.loads(str(error))["error"]["code"]

with bentoml.SyncHTTPClient(sys.argv[1]) as client:
    prediction = client.predict(image=Path(sys.argv[2]))
    outcome = client.feedback(prediction_id=prediction["prediction_id"], label="red")
    unknown = error_code_of(lambda: client.feedback(prediction_id="nonsense", label="red"))
    no_image = error_code_of(lambda: client.predict(image=Path(sys.argv[3])))
print(json.dumps([prediction, outcome, unknown, no_image]))
"""


def test_bentoml_s_own_client_predicts_and_gives_feedback(server: Server, image: Path) -> None:
    # In a process of its own, as it warns when it is imported and when it ends.
    command = [sys.executable, "-c", CLIENT, server.url, str(image), __file__]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    prediction, outcome, unknown, no_image = json.loads(done.stdout)
    assert prediction["label"] in CLASS_NAMES
    assert outcome["status"] == "accepted"
    assert unknown == "unknown_prediction"
    assert no_image == "not_an_image"


def test_its_paths_fetch_nothing_and_answer_errors_in_our_shape(server: Server) -> None:
    for arguments in (
        {"data": {"image": "http://127.0.0.1:1/a.jpg"}},
        {"json": {"image": "http://127.0.0.1:1/"}},
    ):
        answer = httpx.post(f"{server.url}/predict", **arguments)  # type: ignore[arg-type]  # arguments by name
        assert (answer.status_code, answer.json()["error"]["code"]) == (415, "not_an_image")
    for method, path in (
        ("POST", "/livez"),
        ("GET", "/docs.json"),
        ("PUT", "/schema.json"),
        ("GET", "/v3"),
        ("GET", "/static_content/index.css"),
        ("GET", "/predict"),
        ("POST", "/predict/submit"),
    ):
        answer = httpx.request(method, f"{server.url}{path}")
        assert answer.status_code in (404, 405)
        assert answer.json()["error"].keys() == {"code", "message", "remedy"}


def test_a_peer_from_elsewhere_needs_a_key(server: Server) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            pytest.skip("this machine has no address but loopback")
        address = probe.getsockname()[0]
    assert httpx.get(f"http://{address}:{server.port}/livez").status_code == 200
    for path in ("/v1/status", "/", "/metrics", "/schema.json"):
        assert httpx.get(f"http://{address}:{server.port}{path}").status_code == 401
    # A proxy on this machine names its client.
    forwarded = httpx.get(f"{server.url}/v1/status", headers={"X-Forwarded-For": "198.51.100.7"})
    assert forwarded.status_code == 401


@pytest.mark.parametrize("has_length", [True, False])
def test_a_body_over_the_limit_is_answered_over_a_real_connection(server: Server, has_length: bool) -> None:
    body = b"\xff" * (30 * 2**20)
    content = body if has_length else (body[start : start + 2**16] for start in range(0, len(body), 2**16))
    answer = httpx.post(f"{server.url}/v1/predict", content=content, headers=JPEG, timeout=60)
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")


def test_bentoml_s_workers_limit_heads(server: Server) -> None:
    answer = httpx.get(f"{server.url}/livez", headers={"X": "x" * 2**17})
    assert (answer.status_code, answer.json()["error"]["code"]) == (431, "head_too_large")


def test_clients_that_leave_before_they_read_leave_no_traceback(server: Server, image: Path) -> None:
    body = image.read_bytes()
    head = f"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    for sent in (head + body, head + body[:50], head[:30]):
        with socket.create_connection(("127.0.0.1", server.port)) as leaving:
            # Its end is a reset, not a farewell.
            leaving.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            leaving.sendall(sent)
    assert httpx.get(f"{server.url}/v1/status").status_code == 200
    assert "Traceback" not in server.log


def test_the_metrics_of_all_workers_meet(server: Server, image: Path) -> None:
    def num_predictions() -> float:
        text = httpx.get(f"{server.url}/metrics").text
        lines = [line for line in text.splitlines() if line.startswith("perennial_batch_size_sum")]
        return float(lines[0].split()[1]) if lines else 0.0

    before = num_predictions()
    for _ in range(20):
        # A connection of its own each time, so that both workers get some.
        assert (
            httpx.post(f"{server.url}/v1/predict", content=image.read_bytes(), headers=JPEG).status_code
            == 200
        )
    assert num_predictions() == before + 20


def test_the_metrics_name_routes_and_count_what_was_refused(server: Server) -> None:
    assert httpx.get(f"{server.url}/v1/rounds/77").status_code == 404
    foreign = {"Host": "evil.example"} | JPEG
    assert httpx.post(f"{server.url}/predict", content=b"x", headers=foreign).status_code == 403
    text = httpx.get(f"{server.url}/metrics").text
    assert 'requests_total{method="GET",route="/v1/rounds/{round_id}",status="4xx"} 1.0' in text
    refused = [line for line in text.splitlines() if 'route="/v1/predict",status="4xx"' in line]
    assert len(refused) == 1


def test_all_workers_swap_within_five_seconds_and_no_request_fails(server: Server, image: Path) -> None:
    content, stop, statuses = image.read_bytes(), threading.Event(), list[int]()

    def predict_until_stopped() -> None:
        with httpx.Client(base_url=server.url, timeout=30) as client:
            while not stop.is_set():
                statuses.append(client.post("/v1/predict", content=content, headers=JPEG).status_code)

    with ThreadPoolExecutor(4) as pool:
        clients = [pool.submit(predict_until_stopped) for _ in range(4)]
        try:
            for version in ("v2", "v1"):
                assert httpx.post(f"{server.url}/v1/models/{version}/promote", timeout=30).status_code == 200
                begun = time.monotonic()
                until(partial(server.serves, version), 20.0)
                assert time.monotonic() - begun < 5.0
        finally:
            stop.set()
        for future in clients:
            future.result()
    assert len(statuses) > 20
    assert set(statuses) == {200}


def test_readiness_ends_before_the_port_closes(server: Server, image: Path) -> None:
    """The last test: it stops the server."""
    with httpx.Client(base_url=server.url, timeout=30) as client:
        assert client.get("/readyz").status_code == 200
        server.process.send_signal(signal.SIGTERM)
        until(lambda: client.get("/readyz").status_code == 503, 10.0)
        answer = client.post("/v1/predict", content=image.read_bytes(), headers=JPEG)
        assert answer.status_code == 200
    assert server.process.wait(30) == 0
    database = Database(f"sqlite:///{server.home / 'perennial.db'}")
    with database.read() as connection:
        from store.predictions.predictions import find_prediction
        from store.workers import read_workers

        # The last prediction was written, and the heartbeats were removed.
        assert find_prediction(connection, answer.json()["prediction_id"]).label in CLASS_NAMES
        assert read_workers(connection) == []
    database.close()
