import sys
from pathlib import Path

import pytest

from perennial.server import _program


def test_hints_name_the_program_as_it_was_typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "perennial"
    program.touch(mode=0o755)
    monkeypatch.setenv("PATH", "/nowhere")
    for typed, program_name in ((str(program), str(program)), ("/somewhere/__main__.py", "perennial")):
        monkeypatch.setattr(sys, "argv", [typed, "up"])
        assert _program() == program_name


def test_hints_name_a_program_on_the_path_without_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "perennial"
    program.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "argv", [str(program), "up"])
    assert _program() == "perennial"
