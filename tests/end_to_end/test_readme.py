"""What the README tells people to type works, and it names every route."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from perennial.cli import main

README = Path(__file__).parents[2] / "README.md"
COMMANDS = Path(sys.executable).parent


def _blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README.read_text(), re.DOTALL)


def _commands() -> list[str]:
    lines = [line.partition("   #")[0].strip() for block in _blocks("sh") for line in block.splitlines()]
    return [line for line in lines if line]


def _perennial_commands() -> list[list[str]]:
    prefix = ".venv/bin/perennial "
    return [shlex.split(line.removeprefix(prefix)) for line in _commands() if line.startswith(prefix)]


@pytest.mark.parametrize("words", _perennial_commands(), ids=" ".join)
def test_every_command_exists_with_its_options(words: list[str]) -> None:
    done = CliRunner().invoke(main, [*words, "--help"])
    assert done.exit_code == 0, done.output
    for option in (word for word in words if word.startswith("--")):
        assert option in done.output


def test_every_make_target_exists() -> None:
    makefile = (README.parent / "Makefile").read_text()
    targets = re.findall(r"(?:^|`)make ([a-z-]+)", README.read_text(), re.MULTILINE)
    assert {"up", "test"} <= set(targets)
    for target in targets:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_training_from_a_folder_as_written(
    tmp_path: Path, picture: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    [words] = [words for words in _perennial_commands() if words[0] == "train" and "none" in words]
    for label in ("green", "red"):
        (tmp_path / words[1] / label).mkdir(parents=True)
        for number in range(30):
            (tmp_path / words[1] / label / f"{number}.jpg").write_bytes(picture(label, number))
    environment = {**os.environ, "PERENNIAL_HOME": str(tmp_path / "home"), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "perennial", *words, "--epochs", "1", "--image-size", "64"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env=environment,
    )
    assert done.returncode == 0, done.stderr


def test_asking_and_the_client_as_written(
    make_server: Any, picture: Callable[..., bytes], tmp_path: Path
) -> None:
    server = make_server(command="serve").start()
    (tmp_path / "photograph.jpg").write_bytes(picture("red", 4))
    [curl] = [line for line in _commands() if line.startswith("curl")]
    answer = subprocess.run(
        shlex.split(curl.replace("http://127.0.0.1:3000", server.url)),
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )
    assert '"prediction_id"' in answer.stdout
    [program] = _blocks("python")
    done = subprocess.run(
        [sys.executable, "-c", program.replace("http://127.0.0.1:3000", server.url)],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "BENTOML_DO_NOT_TRACK": "True"},
    )
    assert done.returncode == 0, done.stderr
    routes = httpx.get(f"{server.url}/openapi.json").json()["paths"]
    readme = README.read_text()
    assert [path for path in routes if re.sub(r"\{\w+\}", "{id}", path) not in _with_ids(readme)] == []


def _with_ids(text: str) -> str:
    return re.sub(r"\{(version|prediction_id|sample_id|round_id)\}", "{id}", text)
