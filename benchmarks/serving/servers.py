"""Starts ours and the other servers, each on a port of its own, and waits until it answers."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

from benchmarks.serving.load import Send, part, raw
from perennial.settings.settings import Settings

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Server:
    """A running server.

    Attributes:
        url: Where it is.
        send: Sends it an image.
        pid: The first of its processes, which leads their process group.
    """

    url: str
    send: Send
    pid: int

    def workers(self) -> list[int]:
        """Return all processes below the first one."""
        return [process.pid for process in psutil.Process(self.pid).children(recursive=True)]


def default_workers() -> int:
    """Return how many workers `perennial up` starts on this machine by default."""
    return Settings.load().workers


def make_home(folder: Path, images: Path, precision: str = "auto", root: Path = ROOT) -> dict[str, str]:
    """Train a ResNet-18 at 224 pixels into a home of its own; return the environment that names it.

    Args:
        root: The checkout whose code trains, and serves with this environment.
    """
    environment = clean_environment(root) | {
        "PERENNIAL_HOME": str(folder / "home"),
        "PERENNIAL_PRECISION": precision,
    }
    run_perennial(
        environment,
        *(
            "train",
            str(images.resolve()),
            "--weights",
            "bundled",
            "--image-size",
            "224",
            "--strategy",
            "linear_probe",
        ),
    )
    return environment


def served_precision(environment: Mapping[str, str]) -> str:
    """Return the precision in which this machine serves a home's production version."""
    printed = run_perennial(environment, "models", "list", "--json")
    models = json.loads(printed)["models"]
    return str(next(model for model in models if model["is_production"])["metrics"]["served_precision"])


@contextmanager
def ours(environment: Mapping[str, str], workers: int, log: Path) -> Iterator[Server]:
    """Run `perennial up` until the block ends; ready once every worker serves a version."""
    port = _free_port()
    command = [sys.executable, "-m", "perennial", "up", "--port", str(port), "--workers", str(workers)]
    url = f"http://127.0.0.1:{port}"

    def is_ready() -> bool:
        status = httpx.get(f"{url}/v1/status", timeout=5).json()
        return sum(bool(worker["version"]) for worker in status["workers"]) >= workers

    with _running(command, environment, log, is_ready) as pid:
        yield Server(url, raw(f"{url}/v1/predict"), pid)


@contextmanager
def rival(name: str, workers: int, photograph: bytes, log: Path) -> Iterator[Server]:
    """Run `fastapi`, `litserve` or `bentoml` until the block ends."""
    port = _free_port()
    url = f"http://127.0.0.1:{port}"
    module = f"benchmarks.serving.rivals.{name}_app"
    commands: dict[str, Sequence[str]] = {
        "fastapi": (
            "uvicorn",
            f"{module}:app",
            "--port",
            str(port),
            "--workers",
            str(workers),
            "--no-access-log",
        ),
        "litserve": (module, str(port), str(workers)),
        "bentoml": ("bentoml", "serve", f"{module}:Rival", "--port", str(port)),
    }
    sends = {
        "fastapi": raw(f"{url}/predict"),
        "litserve": part(f"{url}/predict", "content"),
        "bentoml": part(f"{url}/predict", "images"),
    }

    def is_ready() -> bool:
        files = {{"litserve": "content"}.get(name, "images"): ("photograph.jpg", photograph, "image/jpeg")}
        if name == "fastapi":
            return httpx.post(f"{url}/predict", content=photograph, timeout=30).status_code == 200
        return httpx.post(f"{url}/predict", files=files, timeout=30).status_code == 200

    environment = clean_environment() | {"NUM_WORKERS": str(workers)}
    with _running([sys.executable, "-m", *commands[name]], environment, log, is_ready) as pid:
        yield Server(url, sends[name], pid)


def memory_mib(pid: int) -> float:
    """Return the resident memory of a process and all its descendants."""
    process = psutil.Process(pid)
    processes = [process, *process.children(recursive=True)]
    return float(sum(each.memory_info().rss for each in processes)) / 2**20


def run_perennial(environment: Mapping[str, str], *arguments: str) -> str:
    """Run a command of ours to its end; return what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "perennial", *arguments],
        env=dict(environment),
        capture_output=True,
        text=True,
        check=False,
        # Not in a checkout: its code would be found before that which the environment names.
        cwd=tempfile.gettempdir(),
    )
    if done.returncode:
        raise SystemExit(
            f"perennial {' '.join(arguments)} failed:\n{done.stdout[-2000:]}{done.stderr[-4000:]}"
        )
    return done.stdout


def clean_environment(root: Path = ROOT) -> dict[str, str]:
    """Return this process's environment without any setting of ours, for the code of a checkout."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PERENNIAL_")}
    return {**kept, "BENTOML_DO_NOT_TRACK": "True", "PYTHONPATH": _python_path(root)}


@contextmanager
def _running(
    command: Sequence[str], environment: Mapping[str, str], log: Path, is_ready: Callable[[], bool]
) -> Iterator[int]:
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            env=dict(environment),
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            cwd=tempfile.gettempdir(),
        )
    try:
        _wait(process, log, is_ready)
        yield process.pid
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _wait(process: subprocess.Popen[bytes], log: Path, is_ready: Callable[[], bool]) -> None:
    until = time.monotonic() + 180
    while time.monotonic() < until and process.poll() is None:
        try:
            if is_ready():
                return
        except (httpx.HTTPError, ValueError, KeyError):
            pass
        time.sleep(0.5)
    raise SystemExit(f"The server did not become ready:\n{log.read_text()[-4000:]}")


def _python_path(root: Path) -> str:
    return os.pathsep.join([str(root), *filter(None, [os.environ.get("PYTHONPATH")])])


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
