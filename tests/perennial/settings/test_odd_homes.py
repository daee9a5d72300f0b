"""A home may lie at any path: its database and its bytes are in it, and nowhere else."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from perennial.errors import SettingsError
from perennial.settings.settings import Settings
from perennial.state import open_state

ODD = "a%20b ? # & + ' é"


@pytest.mark.parametrize(
    "name", ["a%20b", "q?x", "q?x=y", "#", "a&b", "a+b", "it's", "é", "a b", "file:x", ODD]
)
def test_everything_is_in_the_home_that_was_named(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    odd = tmp_path / "homes" / name
    monkeypatch.setenv("PERENNIAL_HOME", str(odd))
    with open_state(Settings.load()) as state:
        state.blobs.put(b"bytes")
    assert (odd / "perennial.db").stat().st_size > 0
    assert [path.name for path in odd.parent.iterdir()] == [name]


def test_a_home_whose_path_is_no_utf_8_is_refused(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERENNIAL_HOME", "/tmp/caf\udce9")
    with pytest.raises(SettingsError, match=r"PERENNIAL_HOME: .*expected a path in utf-8"):
        Settings.load()


def test_a_backup_of_an_odd_home_comes_back_in_another_one(
    run_json: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PERENNIAL_HOME", str(tmp_path / ODD))
    run_json("migrate")
    run_json("backup", str(tmp_path / f"kept {ODD}"))
    monkeypatch.setenv("PERENNIAL_HOME", str(tmp_path / f"other {ODD}"))
    run_json("restore", str(tmp_path / f"kept {ODD}"))
    assert (tmp_path / f"other {ODD}" / "perennial.db").is_file()


def test_a_relative_file_of_a_database_url_becomes_absolute_with_its_escapes(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PERENNIAL_DATABASE_URL", "sqlite:///50%25 %3F.db")
    assert Settings.load().database_url == f"sqlite:///{tmp_path}/50%25 %3F.db"
