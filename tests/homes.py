"""Fixtures for tests of commands: a home for every test, and a folder of small pictures of two colours."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from perennial.cli import main
from perennial.settings.settings import Settings

COLOURS = {"blue": (40, 60, 200), "red": (200, 50, 40)}


def _colour_of(label: str) -> tuple[int, ...]:
    """Return a class's colour; one that has none gets one by its name."""
    drawn = np.random.default_rng(list(label.encode())).integers(60, 200, 3)
    return COLOURS.get(label, tuple(drawn.tolist()))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home in an environment without other settings."""
    for name in [name for name in os.environ if name.startswith("PERENNIAL_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PERENNIAL_HOME", str(tmp_path / "home"))
    # An export takes seconds, and has tests of its own.
    monkeypatch.setenv("PERENNIAL_ENGINE", "torch")
    # The same answers on every processor.
    monkeypatch.setenv("PERENNIAL_PRECISION", "float32")
    return tmp_path / "home"


@pytest.fixture
def run(home: Path) -> Callable[..., Result]:
    """Return a function that runs a command."""
    return lambda *arguments: CliRunner().invoke(main, list(arguments), prog_name="perennial")


@pytest.fixture
def run_json(run: Callable[..., Result]) -> Callable[..., Any]:
    """Return a function that runs a command with --json and returns its answer."""

    def run_with_json(*arguments: str) -> Any:
        result = run(*arguments, "--json")
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    return run_with_json


@pytest.fixture
def settings(home: Path) -> Settings:
    return Settings.load()


def _make_images(folder: Path, num_each: int = 20, classes: tuple[str, ...] = ("blue", "red")) -> Path:
    for label in classes:
        (folder / label).mkdir(parents=True)
        for number in range(num_each):
            rng = np.random.default_rng(
                [number, *label.encode()] if label not in COLOURS else [number, len(label)]
            )
            blocks = rng.integers(-60, 60, (8, 8, 1)).repeat(4, axis=0).repeat(4, axis=1)
            pixels = np.array(_colour_of(label)) + blocks + rng.normal(0, 12, (32, 32, 3))
            image = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
            image.save(folder / label / f"{number}.jpg", quality=92)
    return folder


@pytest.fixture
def make_images() -> Callable[..., Path]:
    """Return a function that fills a folder with pictures, and returns it."""
    return _make_images
