"""Starts the demo's own server, and sends it requests over HTTP."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from perennial.errors import ServerError
from perennial.server import wait_until_ready
from vision.sources.listing import LabelledImage

_NUM_CONNECTIONS = 4
_READY_SECONDS = 180.0
_STOP_SECONDS = 20.0
Json = dict[str, Any]


class Client:
    """Sends requests to a server; an answer that is no success is an error."""

    def __init__(self, http: httpx.Client) -> None:
        self._http = http

    @property
    def port(self) -> int | None:
        """The port that the server listens on."""
        return self._http.base_url.port

    def get(self, path: str) -> Json:
        """Return the answer to GET."""
        return self._request("GET", path)

    def predict(self, content: bytes) -> str:
        """Return the label that the server gives an image."""
        answer = self._request(
            "POST", "/v1/predict", content=content, headers={"Content-Type": _type_of(content)}
        )
        return str(answer["label"])

    def send_feedback(self, content: bytes, label: str) -> Json:
        """Send an image with its label."""
        image = ("image", content, _type_of(content))
        return self._request("POST", "/v1/feedback", data={"label": label}, files={"image": image})

    def accuracy(self, files: Sequence[LabelledImage], on_image: Callable[[], None]) -> float:
        """Return the share of the images that get their own label."""

        def is_right(file: LabelledImage) -> bool:
            label = self.predict(file.read())
            on_image()
            return label == file.label

        with ThreadPoolExecutor(_NUM_CONNECTIONS) as pool:
            return sum(pool.map(is_right, files)) / len(files)

    def send_all(self, files: Sequence[LabelledImage], on_image: Callable[[], None]) -> None:
        """Send all images with their labels, several at a time."""

        def send(file: LabelledImage) -> None:
            self.send_feedback(file.read(), file.label)
            on_image()

        with ThreadPoolExecutor(_NUM_CONNECTIONS) as pool:
            list(pool.map(send, files))

    def _request(self, method: str, path: str, **arguments: Any) -> Json:
        try:
            answer = self._http.request(method, path, **arguments)
        except httpx.TransportError as error:
            raise ServerError(f"Expected an answer from {path}, found {error!r}.") from error
        if not answer.is_success:
            raise ServerError(
                f"Expected success from {path}, found {answer.status_code}: {answer.text[:300]}"
            )
        content: Json = answer.json()
        return content


@contextmanager
def started_server(home: Path, settings: dict[str, str]) -> Iterator[Client]:
    """Start `perennial up` on a free port over a home, and stop it at the end.

    Raises:
        ServerError: It ended or was not ready in time; the message holds the end of its log.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log_file = home.parent / "server.log"
    with log_file.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "perennial", "up", "--port", str(port), "--workers", "1"],
            env=_environment(home, settings),
            cwd=home.parent,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    url = f"http://127.0.0.1:{port}"
    try:
        if not wait_until_ready(url, lambda: process.poll() is None, _READY_SECONDS):
            tail = log_file.read_text(errors="replace")[-2000:]
            raise ServerError(f"Expected the demo's server to be ready, it was not. Its log ends:\n{tail}")
        # The server is on this machine, so a proxy of the environment must not be used.
        with httpx.Client(base_url=url, timeout=60.0, trust_env=False) as http:
            yield Client(http)
    finally:
        _stop(process)


def _environment(home: Path, settings: dict[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PERENNIAL_")}
    kept.pop("PROMETHEUS_MULTIPROC_DIR", None)
    return {**kept, "PERENNIAL_HOME": str(home), **settings}


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    until = time.monotonic() + _STOP_SECONDS
    while process.poll() is None and time.monotonic() < until:
        time.sleep(0.1)
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _type_of(content: bytes) -> str:
    return "image/png" if content.startswith(b"\x89PNG") else "image/jpeg"
