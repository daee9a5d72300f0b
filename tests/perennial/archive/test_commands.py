import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from store.state import State


def test_export_and_import_report_what_they_did(
    full: State,
    run: Callable[..., Result],
    run_json: Callable[..., Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out = tmp_path / "out"
    assert f"30 samples are in {out}." in run("samples", "export", str(out)).stdout
    again = run("samples", "export", str(out))
    assert (again.exit_code, "Name another" in again.stderr) == (2, True)
    assert run_json("samples", "export", str(tmp_path / "table"), "--format", "csv")["num_samples"] == 30
    monkeypatch.setenv("PERENNIAL_HOME", str(tmp_path / "elsewhere"))
    report = run_json("samples", "import", str(out))
    assert report == {"added": 30, "labelled": 0, "already_there": 0, "moved": 0, "refused": []}
    for_people = run("samples", "import", str(tmp_path / "table")).stdout
    assert (
        "0 samples added, 0 known ones labelled by more sources, 30 already there, 0 refused." in for_people
    )


def test_an_import_of_something_else_is_an_error_of_one_line(
    run: Callable[..., Result], tmp_path: Path
) -> None:
    (tmp_path / "place").mkdir()
    result = run("samples", "import", str(tmp_path / "place"))
    assert (result.exit_code, "perennial train" in result.stderr) == (2, True)
    machines = run("samples", "import", str(tmp_path / "place"), "--json")
    assert json.loads(machines.stdout)["error"]["code"] == "Archive"


def test_the_help_says_that_the_history_of_labels_is_left(run: Callable[..., Result]) -> None:
    assert "not the history" in " ".join(run("samples", "export", "--help").stdout.split())
