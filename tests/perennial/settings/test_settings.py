import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from pydantic import ValidationError

from perennial.cli import main
from perennial.errors import SettingsError
from perennial.settings.settings import Settings
from perennial.settings.table import markdown, rows

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "settings.md"


def test_defaults_are_those_of_the_design(home: Path) -> None:
    settings = Settings.load()
    assert (settings.host, settings.port, settings.threshold_samples) == ("127.0.0.1", 3000, 500)
    assert (settings.overdue_days, settings.overdue_samples) == (28, 100)
    assert (settings.learning_rate, settings.epochs, settings.replay_ratio) == (1e-4, 6, 1.0)
    assert settings.database_url == f"sqlite:///{home}/perennial.db"
    assert settings.blobs == str(home / "blobs")
    assert settings.keys == home / "keys.json"


def test_the_environment_wins_over_the_file(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("perennial.toml").write_text("port = 4000\nthreshold_samples = 50\nallowed_hosts = ['a.example']\n")
    monkeypatch.setenv("PERENNIAL_PORT", "5000")
    settings = Settings.load()
    assert (settings.port, settings.threshold_samples, settings.allowed_hosts) == (5000, 50, ("a.example",))


def test_the_callers_values_win_over_the_environment(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERENNIAL_PORT", "5000")
    assert Settings.load({"port": 6000, "host": None}).port == 6000


def test_perennial_config_names_the_file(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "other.toml").write_text("promote = 'ask'\nlearner = false\n")
    monkeypatch.setenv("PERENNIAL_CONFIG", str(tmp_path / "other.toml"))
    assert Settings.load().round().promote == "ask"
    assert not Settings.load().learner


def test_a_named_file_that_is_missing_is_an_error(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERENNIAL_CONFIG", "nowhere.toml")
    with pytest.raises(SettingsError, match=r"nowhere\.toml"):
        Settings.load()


def test_a_file_that_is_no_toml_says_where_it_breaks(home: Path) -> None:
    Path("perennial.toml").write_text("port = \n")
    with pytest.raises(SettingsError, match=r"perennial\.toml, could not read them .*line 1"):
        Settings.load()


def test_an_unknown_variable_names_the_nearest(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERENNIAL_TRESHOLD", "5")
    with pytest.raises(SettingsError, match=r"TRESHOLD\. The nearest is PERENNIAL_THRESHOLD_SAMPLES"):
        Settings.load()


def test_an_unknown_key_of_the_file_names_the_nearest(home: Path) -> None:
    Path("perennial.toml").write_text("prot = 4000\n")
    with pytest.raises(SettingsError, match=r"'prot' in .*The nearest is port"):
        Settings.load()


def test_a_value_that_cannot_be_used_says_what_was_found(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERENNIAL_PORT", "70000")
    with pytest.raises(SettingsError, match=r"PERENNIAL_PORT: .*65535, found '70000'"):
        Settings.load()


NUMBERS = [name for name, field in Settings.model_fields.items() if field.annotation in (int, float)]


def bound_of(name: str, kind: str) -> float:
    """Return the bound `le`, `ge` or `gt` of a setting; fails where it has none."""
    bounds = (getattr(each, kind, None) for each in Settings.model_fields[name].metadata)
    [bound] = [float(bound) for bound in bounds if bound is not None]
    return bound


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("value", ["inf", "-inf", "nan", "1e30", "1" + "0" * 30])
def test_every_number_has_bounds(home: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"PERENNIAL_{name.upper()}", value)
    with pytest.raises(SettingsError, match=f"PERENNIAL_{name.upper()}: "):
        Settings.load()


def test_the_largest_of_every_number_can_be_used(home: Path) -> None:
    settings = Settings.load({name: bound_of(name, "le") for name in NUMBERS})
    moment = datetime.now(UTC)
    learning = settings.learning()
    for days in (learning.retention.max_days, learning.triggers.max_days):
        assert moment - timedelta(days=days) < moment
    assert moment + timedelta(seconds=learning.lease_seconds) > moment


def test_a_file_may_begin_with_a_byte_order_mark(home: Path) -> None:
    Path("perennial.toml").write_bytes(b"\xef\xbb\xbfport = 4000\r\nhost = '::1'\r\n")
    assert (Settings.load().port, Settings.load().host) == (4000, "::1")


def test_relative_places_are_of_the_folder_of_the_command(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("perennial.toml").write_text("database_url = 'sqlite:///a.db'\nblobs = 'b'\n")
    monkeypatch.setenv("PERENNIAL_KEYS", "keys.json")
    settings = Settings.load()
    assert settings.places() == {
        "PERENNIAL_HOME": str(home),
        "PERENNIAL_DATABASE_URL": f"sqlite:///{tmp_path / 'a.db'}",
        "PERENNIAL_BLOBS": str(tmp_path / "b"),
        "PERENNIAL_KEYS": str(tmp_path / "keys.json"),
    }
    monkeypatch.setenv("PERENNIAL_BLOBS", "s3://bucket/prefix")
    monkeypatch.setenv("PERENNIAL_DATABASE_URL", "postgresql+psycopg://host/name")
    settings = Settings.load()
    assert (settings.blobs, settings.database_url) == ("s3://bucket/prefix", "postgresql+psycopg://host/name")


def test_names_come_separated_by_commas(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERENNIAL_ALLOWED_ORIGINS", "https://a.example, https://b.example")
    assert Settings.load().service().access.allowed_origins == ("https://a.example", "https://b.example")


@pytest.mark.parametrize(
    "url", ["ftp://a.example/x", "hooks.example/x", "http:///x", "https://a.example:99999/x", "https://a b/x"]
)
def test_a_webhook_has_an_address_of_http_and_a_wrong_one_is_not_shown(
    home: Path, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("PERENNIAL_WEBHOOK_URL", url)
    with pytest.raises(SettingsError, match=r"PERENNIAL_WEBHOOK_URL: .*expected http://host") as refused:
        Settings.load()
    assert url not in str(refused.value)


def test_a_short_secret_is_refused_and_not_shown(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERENNIAL_WEBHOOK_SECRET", "hunter2")
    with pytest.raises(SettingsError, match=r"PERENNIAL_WEBHOOK_SECRET: .*expected 16 characters") as refused:
        Settings.load()
    assert "hunter2" not in str(refused.value)


def test_address_and_secret_of_a_webhook_reach_the_learner_and_are_shown_nowhere(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert Settings.load().learning().webhook is None
    monkeypatch.setenv("PERENNIAL_WEBHOOK_URL", "https://a.example/very-secret")
    monkeypatch.setenv("PERENNIAL_WEBHOOK_SECRET", "another-secret-of-mine")
    settings = Settings.load()
    webhook = settings.learning().webhook
    assert webhook is not None
    assert (webhook.url, webhook.secret) == ("https://a.example/very-secret", "another-secret-of-mine")
    shown = [CliRunner().invoke(main, ["settings", *option]).output for option in ([], ["--json"])]
    assert "PERENNIAL_WEBHOOK_URL" in shown[0]
    for text in (*shown, str(settings), str(settings.learning())):
        assert "very-secret" not in text
        assert "another-secret" not in text


def test_settings_are_frozen(settings: Settings) -> None:
    with pytest.raises(ValidationError):
        settings.port = 1


def test_every_setting_has_help_and_is_documented() -> None:
    assert PAGE.read_text() == markdown(), "run: make reference"
    assert all(row.help and f"`{row.variable}`" in PAGE.read_text() for row in rows())


def test_the_command_shows_every_value(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERENNIAL_THRESHOLD_SAMPLES", "77")
    shown = json.loads(CliRunner().invoke(main, ["settings", "--json"]).stdout)["settings"]
    assert {row["variable"]: row["value"] for row in shown}["PERENNIAL_THRESHOLD_SAMPLES"] == 77
    assert len(shown) == len(Settings.model_fields)


def test_the_command_is_readable_on_a_narrow_terminal(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    lines = CliRunner().invoke(main, ["settings"]).stdout.splitlines()
    for row in rows():
        (number,) = (number for number, line in enumerate(lines) if line.startswith(f"{row.variable}="))
        # Its meaning follows, whole, in lines that the terminal need not break.
        meaning = " ".join(line.strip() for line in lines[number + 1 : number + 5])
        assert row.help in meaning
    assert "PERENNIAL_LEARNER=on" in lines
    assert max(len(line) for line in lines if line.startswith(" ")) <= 80


def test_settings_and_the_learner_load_no_torch(home: Path) -> None:
    code = (
        "import sys, perennial.cli, retrain.learner.scheduler\n"
        "from perennial.settings.settings import Settings\n"
        "s = Settings.load(); s.learning(); s.round(); print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_alarms_start_no_round_unless_it_is_set_how_many_samples_are_enough(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert Settings.load().triggers().alarm_samples is None
    assert Settings.load().learning().alarms.detection.declared_images == 100_000
    monkeypatch.setenv("PERENNIAL_ALARM_ROUND_SAMPLES", "150")
    monkeypatch.setenv("PERENNIAL_DRIFT_ALARM_IMAGES", "20000")
    assert Settings.load().triggers().alarm_samples == 150
    assert Settings.load().learning().alarms.detection.declared_images == 20_000
