import sys
from pathlib import Path

import pytest

from perennial.hints import in_this_shell, program


def test_hints_name_the_program_as_it_was_typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "perennial"
    file.touch(mode=0o755)
    monkeypatch.setenv("PATH", "/nowhere")
    for typed, program_name in ((str(file), str(file)), ("/somewhere/__main__.py", "perennial")):
        monkeypatch.setattr(sys, "argv", [typed, "up"])
        assert program() == program_name


def test_hints_name_a_program_on_the_path_without_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "perennial"
    file.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "argv", [str(file), "up"])
    assert program() == "perennial"


def test_a_hint_can_be_typed_as_it_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", [".venv/bin/perennial", "status"])
    assert in_this_shell("`perennial up` serves perennial things") == (
        "`.venv/bin/perennial up` serves perennial things"
    )
