"""Homes of two releases that begin with the same version, and the round that each runs on the same labels."""

import json
import os
import resource
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx

from benchmarks.loop.home import Home
from benchmarks.photographs import Photograph, write_folder

ROOT = Path(__file__).parents[2]
IMAGE_SIZE = 96
_STILL = {"PERENNIAL_LEARNER": "off", "BENTOML_DO_NOT_TRACK": "True"}


@dataclass(frozen=True, slots=True)
class RanRound:
    """What one round took, of its whole process."""

    state: str
    reason: str
    seconds: float
    cpu_seconds: float
    peak_mib: int


def extract(commit: str, folder: Path) -> Path:
    """Write the code of a commit into a folder."""
    folder.mkdir(parents=True)
    archive = subprocess.run(["git", "archive", commit], cwd=ROOT, capture_output=True, check=True)
    subprocess.run(["tar", "-x", "-C", folder], input=archive.stdout, check=True)
    return folder


def home_of(code: Path, folder: Path) -> Home:
    """Return a home in `folder/home` that runs the code of a release."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PERENNIAL_")}
    # The code of the folder in which a command is typed would be found first.
    paths = {"PYTHONPATH": str(code), "PYTHONSAFEPATH": "1"}
    return Home(folder, {**kept, **paths, **_STILL, "PERENNIAL_HOME": str(folder / "home")})


def train(home: Home, photographs: Sequence[Photograph]) -> None:
    """Train the head of the first version on the bundled network."""
    images = home.folder / "images"
    write_folder(photographs, images)
    # A probe takes a minute, and all layers are still to be trained by the round.
    home.run(
        "train",
        str(images),
        "--weights",
        "bundled",
        "--image-size",
        str(IMAGE_SIZE),
        "--strategy",
        "linear_probe",
    )


def send(home: Home, photographs: Sequence[Photograph]) -> None:
    """Send photographs with their labels, over HTTP, since releases store them in their own ways."""
    with home.serve(command="serve") as url, httpx.Client(base_url=url, timeout=30) as client:
        for photograph in photographs:
            image = {"image": ("photograph.jpg", photograph.content, "image/jpeg")}
            client.post("/v1/feedback", files=image, data={"label": photograph.label}).raise_for_status()


def run_round(home: Home) -> RanRound:
    """Run a round on what was sent."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.scale.one_round"],
        env=home.environment, capture_output=True, text=True, check=False, cwd=home.folder,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(f"The round failed:\n{done.stderr[-4000:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    printed: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return RanRound(
        state=printed["state"],
        reason=printed.get("reason", ""),
        seconds=printed["seconds"],
        cpu_seconds=round(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 1),
        peak_mib=printed["peak_mib"],
    )


def with_settings(home: Home, settings: dict[str, str]) -> Home:
    """Return the home with settings in its environment."""
    return replace(home, environment=home.environment | settings)


def production_of(home: Home) -> str:
    """Return the version in production."""
    done = subprocess.run(
        [sys.executable, "-m", "perennial", "models", "list", "--json"],
        env=home.environment, capture_output=True, text=True, check=True, cwd=home.folder,
    )  # fmt: skip
    models = json.loads(done.stdout)["models"]
    return str(next(model["version"] for model in models if model["is_production"]))
