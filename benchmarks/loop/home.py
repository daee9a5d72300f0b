"""Homes of the loop: trained once, copied for each way to use them, served, and exported from."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from benchmarks.loop.modes import Mode
from benchmarks.photographs import World, write_folder

# What has the candidate be no better than production.
_NO_LEARNING = "1e-9"


@dataclass(frozen=True, slots=True)
class Home:
    """A folder in which the product keeps everything, and the settings that it runs with."""

    folder: Path
    environment: dict[str, str]

    def run(self, *arguments: str) -> None:
        """Run a command of `perennial`; the benchmark ends where it fails."""
        done = subprocess.run(
            [sys.executable, "-m", "perennial", *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            cwd=self.folder,
        )
        if done.returncode:
            raise SystemExit(
                f"perennial {' '.join(arguments)} failed:\n{done.stdout[-2000:]}{done.stderr[-4000:]}"
            )

    def export(self, version: str) -> Path:
        """Return the folder of a version's files."""
        target = self.folder / f"export-{version}"
        if not target.exists():
            self.run("models", "export", version, str(target))
        return target

    @contextmanager
    def serve(self, command: str = "up") -> Iterator[str]:
        """Run the product, or only serve, and yield its address."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        url = f"http://127.0.0.1:{port}"
        with (self.folder / "server.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "perennial", command, "--port", str(port), "--workers", "2"],
                env=self.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                # Not in a checkout: its code would be found before that which the environment names.
                cwd=self.folder,
            )
        try:
            _wait_until_ready(url, process, self.folder / "server.log")
            yield url
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(timeout=40)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)


def train(world: World, folder: Path, mode: Mode) -> None:
    """Train the first version in `folder/home`."""
    write_folder(world.initial, folder / "images")
    home = Home(folder, _environment(folder, mode))
    home.run("train", str((folder / "images").resolve()), "--weights", "none", "--image-size", "32")


def copy(trained: Path, folder: Path, mode: Mode) -> Home:
    """Return a home in `folder` that begins with what was trained elsewhere."""
    shutil.copytree(trained / "home", folder / "home")
    return Home(folder, _environment(folder, mode))


def _wait_until_ready(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + 180
    while time.monotonic() < until and process.poll() is None:
        try:
            status = httpx.get(f"{url}/v1/status", timeout=5)
            if status.status_code == 200 and sum(bool(w["version"]) for w in status.json()["workers"]) >= 2:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.5)
    raise SystemExit(f"The server did not become ready with 2 workers:\n{log.read_text()[-4000:]}")


def _environment(folder: Path, mode: Mode) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PERENNIAL_")}
    learning = {"PERENNIAL_LEARNING_RATE": _NO_LEARNING} if mode.is_equal else {}
    return {
        **kept,
        **learning,
        "PERENNIAL_HOME": str(folder / "home"),
        "PERENNIAL_THRESHOLD_SAMPLES": "650",
        "BENTOML_DO_NOT_TRACK": "True",
    }
