"""Names and values of an older environment or file still work for a release, with a warning."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from perennial.errors import SettingsError
from perennial.settings import settings as settings_module
from perennial.settings.retired import Retired
from perennial.settings.settings import Settings


def use(monkeypatch: pytest.MonkeyPatch, retired: Retired) -> None:
    for module in (settings_module, sys.modules["perennial.settings.sources"]):
        monkeypatch.setattr(module, "RETIRED", retired)


def run_settings(environment: dict[str, str]) -> tuple[dict[str, Any], str]:
    """Run `settings` in a process of its own; return the values that it prints, and its warnings."""
    done = subprocess.run(
        [sys.executable, "-m", "perennial", "settings", "--json"],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3]), **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    rows = json.loads(done.stdout)["settings"]
    return {row["variable"]: row["value"] for row in rows}, done.stderr


def test_a_removed_setting_starts_with_one_warning(home: Path) -> None:
    Path("perennial.toml").write_text("intake_processes = 4\nport = 4000\n")
    values, warnings = run_settings({"PERENNIAL_INTAKE_PROCESSES": "3"})
    assert values["PERENNIAL_PORT"] == 4000
    assert "PERENNIAL_INTAKE_PROCESSES" not in values
    assert warnings.count("PERENNIAL_INTAKE_PROCESSES does nothing any more") == 1


def test_a_retired_engine_is_replaced(home: Path) -> None:
    values, warnings = run_settings({"PERENNIAL_ENGINE": "onnxruntime"})
    assert values["PERENNIAL_ENGINE"] == "auto"
    assert "PERENNIAL_ENGINE has no value 'onnxruntime' any more; 'auto' is used" in warnings


def test_an_old_name_stands_for_the_new_one_with_a_warning(
    home: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    use(monkeypatch, Retired(renamed={"tcp_port": "port", "min_pending": "threshold_samples"}))
    monkeypatch.setenv("PERENNIAL_TCP_PORT", "5000")
    Path("perennial.toml").write_text("port = 4000\nmin_pending = 50\n")
    settings = Settings.load()
    # The environment wins over the file, by whatever name.
    assert (settings.port, settings.threshold_samples) == (5000, 50)
    assert "PERENNIAL_TCP_PORT is called PERENNIAL_PORT now" in caplog.text
    assert "PERENNIAL_MIN_PENDING is called PERENNIAL_THRESHOLD_SAMPLES now" in caplog.text


def test_a_new_name_wins_over_the_old_one(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, Retired(renamed={"tcp_port": "port"}))
    monkeypatch.setenv("PERENNIAL_TCP_PORT", "5000")
    monkeypatch.setenv("PERENNIAL_PORT", "6000")
    assert Settings.load().port == 6000


def test_a_retired_value_is_replaced_in_the_file_too(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, Retired(replaced={("optimizer", "adam"): "adamw"}))
    Path("perennial.toml").write_text("optimizer = 'adam'\n")
    assert Settings.load().optimizer == "adamw"
    Path("perennial.toml").write_text("optimizer = 'adamant'\n")
    with pytest.raises(SettingsError, match="adamant"):
        Settings.load()


def test_processes_that_are_started_need_not_warn_again(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERENNIAL_INTAKE_PROCESSES", "3")
    monkeypatch.setenv("PERENNIAL_ENGINE", "onnxruntime")
    Settings.load()
    assert "PERENNIAL_INTAKE_PROCESSES" not in os.environ
    assert os.environ["PERENNIAL_ENGINE"] == "auto"
