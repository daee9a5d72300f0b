"""What the README tells people to type works, and answers in the shapes that it shows."""

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

README = Path(__file__).parents[2] / "README.md"
ADDRESS = "http://127.0.0.1:3000"


def _blocks() -> list[tuple[str, str]]:
    """The code blocks in their order, each with its language."""
    return re.findall(r"```(\w+)\n(.*?)```", README.read_text(), re.DOTALL)


def _shape(value: Any) -> Any:
    """What a value is made of: keys, and the shape of a list's first element."""
    if isinstance(value, dict):
        return {name: _shape(own) for name, own in value.items()}
    return [_shape(value[0])] if isinstance(value, list) and value else type(value).__name__


def test_asking_labelling_and_the_client_as_written(
    make_server: Any, picture: Callable[..., bytes], tmp_path: Path
) -> None:
    server = make_server(command="serve").start()
    (tmp_path / "photograph.jpg").write_bytes(picture("red", 4))
    blocks = _blocks()
    asked = [number for number, (_, text) in enumerate(blocks) if text.startswith("curl")]
    assert len(asked) == 2
    for number in asked:
        command = shlex.split(
            blocks[number][1].replace(ADDRESS, server.url).replace("label=ants", "label=red")
        )
        done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
        language, shown = blocks[number + 1]
        assert language == "json"
        assert _shape(json.loads(done.stdout)) == _shape(json.loads(shown))
    [program] = [text for language, text in blocks if language == "python"]
    subprocess.run(
        [sys.executable, "-c", program.replace(ADDRESS, server.url)],
        check=True,
        cwd=tmp_path,
        env={**os.environ, "BENTOML_DO_NOT_TRACK": "True"},
    )


@pytest.mark.slow
def test_training_from_a_folder_as_written(tmp_path: Path, picture: Callable[..., bytes]) -> None:
    [line] = [text for _, text in _blocks() if text.startswith(".venv/bin/perennial train")]
    words = shlex.split(line, comments=True)[1:]
    for label in ("green", "red"):
        (tmp_path / words[-1] / label).mkdir(parents=True)
        for number in range(30):
            (tmp_path / words[-1] / label / f"{number}.jpg").write_bytes(picture(label, number))
    environment = {**os.environ, "PERENNIAL_HOME": str(tmp_path / "home"), "OMP_NUM_THREADS": "1"}
    # ImageNet's weights are not there without a network, and it is done sooner.
    quick = ("--weights", "none", "--image-size", "64", "--epochs", "1")
    done = subprocess.run(
        [sys.executable, "-m", "perennial", *words, *quick],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    assert "v1 is in production" in done.stdout
