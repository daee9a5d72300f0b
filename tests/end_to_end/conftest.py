"""A started server, as a user starts it, and small photographs that differ from one another."""

import fcntl
import io
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image

COLOURS = {"blue": (40, 60, 200), "green": (50, 180, 60), "red": (200, 50, 40)}


def picture(label: str, number: int, *, darkness: float = 1.0) -> bytes:
    """Return a JPEG of 32 × 32 pixels: its colour depends on its class, its blocks on its number."""
    rng = np.random.default_rng([number, *label.encode()])
    blocks = rng.integers(-60, 60, (8, 8, 1)).repeat(4, axis=0).repeat(4, axis=1)
    noise = rng.normal(0, 12, (32, 32, 3))
    pixels = (np.array(COLOURS[label]) + blocks + noise) * darkness
    buffer = io.BytesIO()
    Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(buffer, "JPEG", quality=92)
    return buffer.getvalue()


@dataclass
class Server:
    """`perennial up` or `perennial serve` in a process group of its own; `words` replace the command."""

    home: Path
    command: str = "up"
    words: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    workers: int = 1
    ready_seconds: float = 120
    process: subprocess.Popen[bytes] | None = None
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        return self.home.parent / "server.log"

    def variables(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PERENNIAL_")}
        kept.pop("PROMETHEUS_MULTIPROC_DIR", None)
        own = {
            "BENTOML_DO_NOT_TRACK": "True",
            "PERENNIAL_HOME": str(self.home),
            # Beside other tests a round that yields to all else would hardly get on.
            "PERENNIAL_ROUND_PRIORITY": "normal",
        }
        return {**kept, **own, **self.environment}

    def run(self, *arguments: str) -> str:
        """Run a command of Perennial on this server's home, and return what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", "perennial", *arguments],
            env=self.variables(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"perennial {' '.join(arguments)}: {done.stdout}{done.stderr}"
        return done.stdout

    def start(self) -> "Server":
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        words = self.words or ("perennial", self.command, "--workers", str(self.workers))
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *words, "--port", str(self.port)],
                env=self.variables(),
                cwd=self.home.parent,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        wait_until(self.is_ready, "the server is ready", seconds=self.ready_seconds, log=self.log)
        return self

    def is_ready(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log.read_text()[-4000:]
        try:
            return httpx.get(f"{self.url}/readyz", timeout=5).status_code == 200
        except httpx.HTTPError:
            return False

    def pids(self) -> list[int]:
        """Return the server's process and all that descend from it."""
        assert self.process is not None
        return [self.process.pid, *descendants(self.process.pid)]

    def kill(self) -> None:
        """Kill every process of the server at once, as a power cut would."""
        pids = self.pids()
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        for pid in {*pids, *self.pids()}:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        assert self.process is not None
        self.process.wait(timeout=10)

    def stop(self) -> None:
        if self.process is None or self.process.poll() is not None:
            return
        pids = self.pids()
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.process.kill()
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue


def descendants(pid: int) -> list[int]:
    """Return the processes that descend from one, read from /proc."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        children.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    pids: list[int] = []
    queue = [pid]
    while queue:
        for child in children.get(queue.pop(), []):
            pids.append(child)
            queue.append(child)
    return pids


def wait_until(claim: Callable[[], bool], what: str, *, seconds: float = 60, log: Path | None = None) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if claim():
            return
        time.sleep(0.1)
    tail = log.read_text()[-4000:] if log is not None and log.exists() else ""
    pytest.fail(f"Waited {seconds} s in vain until {what}.\n{tail}")


@pytest.fixture(scope="session")
def trained_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose production version tells three colours apart; copy it, don't change it."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        # One for all processes of pytest, since training is the longest wait of the tests.
        folder = folder.parent
    with (folder / "trained.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "trained").exists():
            _train(folder / "training")
            (folder / "training").rename(folder / "trained")
    return folder / "trained" / "home"


def _train(folder: Path) -> None:
    for label in COLOURS:
        (folder / "images" / label).mkdir(parents=True)
        for number in range(150):
            (folder / "images" / label / f"{number}.jpg").write_bytes(picture(label, number))
    Server(folder / "home").run(
        "train", str(folder / "images"), "--weights", "none", "--image-size", "32", "--epochs", "3"
    )


@pytest.fixture
def make_server(tmp_path: Path, trained_home: Path) -> Iterator[Callable[..., Server]]:
    """Return a function that makes a server over a copy of the trained home; the test starts it."""
    made: list[Server] = []

    def make(**settings: object) -> Server:
        home = tmp_path / f"server{len(made)}" / "home"
        shutil.copytree(trained_home, home)
        made.append(Server(home, **settings))  # type: ignore[arg-type]  # settings of the dataclass
        return made[-1]

    yield make
    for server in made:
        server.stop()


@pytest.fixture
def fresh_server(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Return a function that makes a server over a home that is not there yet; the test starts it."""
    made: list[Server] = []

    def make(**settings: object) -> Server:
        (tmp_path / "fresh").mkdir()
        made.append(Server(tmp_path / "fresh" / "home", **settings))  # type: ignore[arg-type]  # likewise
        return made[-1]

    yield make
    for server in made:
        server.stop()


@pytest.fixture(name="picture")
def picture_fixture() -> Callable[..., bytes]:
    return picture


@pytest.fixture(name="wait_until")
def wait_until_fixture() -> Callable[..., None]:
    return wait_until
