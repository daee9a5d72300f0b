import errno
import json
import os
import socket
import sqlite3
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from perennial.server import Address
from perennial.settings.settings import Settings
from perennial.state import open_state, prepare_home
from store.database.revision import newest_revision
from store.registry import promote
from store.samples.new_samples import NewSample
from store.samples.samples import add_sample
from store.samples.splits import SplitSettings
from store.versions import NewVersion, add_version
from store.workers import WorkerBeat, beat

Run = Callable[..., Result]
RunJson = Callable[..., Any]


@pytest.fixture
def made_home(settings: Settings) -> Path:
    """A home with an empty database."""
    prepare_home(settings)
    return settings.home


@pytest.fixture
def two_versions(settings: Settings) -> None:
    """v1 and its child v2, which is production."""
    with open_state(settings) as state:
        files = {"artifact.json": state.blobs.put(b"{}")}
        for parent in (None, "v1"):
            new = NewVersion(class_names=("blue", "red"), files=files, parent=parent)

            def work(connection: Any, new: NewVersion = new) -> None:
                version = add_version(connection, new, ())
                promote(connection, version.version, reason="a test", actor="test")

            state.database.write(work)


def test_status_names_its_home_and_says_what_to_do(run: Run, made_home: Path) -> None:
    result = run("status")
    assert result.exit_code == 0, result.output
    assert str(made_home) in result.stdout
    assert "perennial train DIR" in result.stdout


@pytest.mark.parametrize(
    "words",
    [
        ("status",),
        ("pause",),
        ("resume",),
        ("models",),
        ("models", "promote", "v1"),
        ("rounds",),
        ("rounds", "run"),
        ("samples", "delete", "1"),
        ("samples", "export", "out"),
        ("predictions", "delete", "a"),
        ("backup",),
    ],
)
def test_a_command_that_needs_a_home_says_that_there_is_none_and_makes_none(
    run: Run, home: Path, words: tuple[str, ...]
) -> None:
    result = run(*words)
    assert (result.exit_code, f"Expected a Perennial in {home}, found none" in result.stderr) == (2, True)
    assert not home.exists()


def test_a_home_that_was_not_named_is_told_to_be_that_of_the_folder(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PERENNIAL_HOME")
    assert f"{tmp_path}/.perennial (.perennial in this folder, since PERENN" in run("status").stderr


@pytest.mark.parametrize(
    ("revision", "remedy"), [("0000", "perennial migrate"), ("9999", "Install the release")]
)
def test_no_command_but_those_that_say_so_migrates(
    run: Run, made_home: Path, revision: str, remedy: str
) -> None:
    with sqlite3.connect(made_home / "perennial.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", (revision,))
    connection.close()
    before = (made_home / "perennial.db").read_bytes()
    for words in (("status",), ("samples", "import", "out"), ("rounds", "run")):
        result = run(*words)
        assert (result.exit_code, remedy in result.stderr) == (2, True), result.output
    assert (made_home / "perennial.db").read_bytes() == before


def test_migrate_says_what_it_made_for_its_owner_alone(run_json: RunJson, home: Path) -> None:
    assert run_json("migrate") == {"home": str(home), "revision": newest_revision()}
    assert stat.S_IMODE(home.stat().st_mode) == 0o700


def test_status_for_machines_has_the_shape_of_the_api(run_json: RunJson, two_versions: None) -> None:
    report = run_json("status")
    assert (report["production"], report["num_pending"], report["threshold"]) == ("v2", 0, 500)
    assert (report["classes"], report["round"], report["workers"]) == (["blue", "red"], None, [])


def test_models_are_listed_promoted_and_rolled_back(run_json: RunJson, two_versions: None) -> None:
    assert [model["version"] for model in run_json("models")["models"]] == ["v2", "v1"]
    assert run_json("models", "promote", "v1", "--reason", "calmer")["reason"] == "calmer"
    assert run_json("status")["production"] == "v1"
    run_json("models", "promote", "v2")
    assert run_json("models", "rollback")["to"] == "v1"
    assert run_json("status")["paused"] is not None
    run_json("resume")
    assert run_json("status")["paused"] is None


def test_a_move_to_other_classes_names_the_flag_that_forces_it(
    run: Run, settings: Settings, two_versions: None
) -> None:
    with open_state(settings) as state:
        other = NewVersion(("green", "grey"), {"artifact.json": state.blobs.put(b"{}")})
        state.database.write(lambda connection: add_version(connection, other, ()))
    refused = run("models", "promote", "v3")
    assert (refused.exit_code, "add --force" in refused.stderr) == (2, True)
    assert run("models", "promote", "v3", "--force").exit_code == 0
    refused = run("models", "rollback")
    assert (refused.exit_code, "add --force" in refused.stderr) == (2, True)
    assert run("models", "rollback", "--force").exit_code == 0


def test_pause_keeps_its_reason(run_json: RunJson, made_home: Path) -> None:
    assert run_json("pause", "--reason", "holidays")["paused"]["reason"] == "holidays"


def test_export_writes_the_files_and_never_over_others(run: Run, two_versions: None, tmp_path: Path) -> None:
    assert run("models", "export", "v1", str(tmp_path / "out")).exit_code == 0
    assert (tmp_path / "out" / "artifact.json").read_bytes() == b"{}"
    again = run("models", "export", "v1", str(tmp_path / "out"))
    assert (again.exit_code, "exists" in again.stderr) == (2, True)


def test_rounds_are_asked_for_once_shown_and_cancelled(
    run: Run, run_json: RunJson, two_versions: None
) -> None:
    assert run_json("rounds", "run")["state"] == "requested"
    assert run("rounds", "run").exit_code == 2
    assert "requested" in run("rounds", "show", "1").stdout
    assert run("rounds", "approve", "1").exit_code == 2
    assert run_json("rounds", "cancel", "1")["state"] == "cancelled"
    assert run_json("rounds")["rounds"][0]["state"] == "cancelled"
    followed = run("rounds", "show", "1", "--follow")
    assert (followed.exit_code, "Round 1: cancelled" in followed.stdout) == (0, True)
    assert " requested: " in followed.stderr
    assert " cancelled: " in followed.stderr


def test_errors_are_one_line_for_people_and_json_for_machines(run: Run, made_home: Path) -> None:
    for people in (run("models", "promote", "v9"), run("rounds", "show", "9"), run("samples", "delete", "9")):
        assert people.exit_code == 2
        assert people.stderr.startswith(("Error: Expected", "Error: There is no"))
        assert "Traceback" not in people.output
    machines = run("models", "promote", "v9", "--json")
    assert machines.exit_code == 2
    assert json.loads(machines.stdout)["error"]["code"] == "UnknownVersion"


def test_a_misspelt_setting_stops_every_command(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERENNIAL_PROT", "1")
    result = run("status")
    assert (result.exit_code, "PERENNIAL_PORT" in result.stderr) == (2, True)


def test_keys_are_shown_once_listed_and_revoked(run: Run, run_json: RunJson, home: Path) -> None:
    made = run_json("keys", "add", "camera", "--scope", "predict", "--scope", "feedback")
    assert made["key"] not in (home / "keys.json").read_text()
    [key] = run_json("keys", "list")["keys"]
    assert (key["scopes"], key["is_trusted"], made["is_trusted"]) == (["predict", "feedback"], False, False)
    assert run("keys", "add", "camera").exit_code == 2
    run_json("keys", "revoke", "camera")
    assert run_json("keys", "list")["keys"] == []
    assert run("keys", "revoke", "camera").exit_code == 2


def test_a_key_is_trusted_where_it_was_made_so(run: Run, run_json: RunJson, home: Path) -> None:
    assert run_json("keys", "add", "expert", "--scope", "feedback", "--trusted")["is_trusted"]
    assert run_json("keys", "add", "chief")["is_trusted"]
    run_json("keys", "add", "clinic", "--scope", "feedback")
    trust = {key["name"]: key["is_trusted"] for key in run_json("keys", "list")["keys"]}
    assert trust == {"expert": True, "chief": True, "clinic": False}
    rows = {line.split()[0]: line for line in run("keys", "list").stdout.splitlines()}
    assert ("untrusted" in rows["clinic"], "untrusted" in rows["expert"]) == (True, False)


def test_disputes_are_listed_and_settled(
    run: Run, run_json: RunJson, two_versions: None, settings: Settings
) -> None:
    assert run("samples", "disputes").stdout == "No dispute waits for a person.\n"

    def say(source: str, label: str, *, is_trusted: bool) -> None:
        new = NewSample("a" * 64, 1, "direct", source, label, is_trusted)
        with open_state(settings) as state:
            state.database.write(
                lambda connection: add_sample(connection, new, ("blue", "red"), SplitSettings())
            )

    say("train", "red", is_trusted=True)
    say("clinic", "blue", is_trusted=False)
    assert run_json("status")["num_disputes"] == 1
    assert "1 wait for a person" in run("status").stdout
    shown = run("samples", "disputes").stdout
    assert "red (train, trusted), blue (clinic)" in shown
    [dispute] = run_json("samples", "disputes")["disputes"]
    assert (dispute["label"], dispute["source"]) == ("red", "clinic")

    refused = run("samples", "settle", str(dispute["id"]), "bleu")
    assert (refused.exit_code, "the nearest is 'blue'" in refused.stderr) == (2, True)
    settled = run_json("samples", "settle", str(dispute["id"]), "blue")
    assert (settled["settled_label"], settled["settled_by"].endswith("(command line)")) == ("blue", True)
    assert run_json("samples", "disputes") == {"disputes": [], "num_disputes": 0}
    assert run("samples", "settle", "999", "blue").exit_code == 2


def test_a_deleted_sample_leaves_no_bytes(run_json: RunJson, two_versions: None, settings: Settings) -> None:
    with open_state(settings) as state:
        sha256 = state.blobs.put(b"a picture")
        new = NewSample(sha256=sha256, phash=1, origin="direct", source="test", label="red")
        outcome = state.database.write(
            lambda connection: add_sample(connection, new, ("blue", "red"), SplitSettings())
        )
    assert run_json("samples", "delete", str(outcome.sample_id))["num_blobs_deleted"] == 1
    with open_state(settings) as state:
        assert not state.blobs.exists(sha256)


def test_a_backup_comes_back_in_an_empty_home(
    run: Run, run_json: RunJson, two_versions: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = run_json("backup", str(tmp_path / "backup"))
    assert made["counts"]["versions"] == 2
    assert run("restore", str(tmp_path / "backup")).exit_code == 2
    monkeypatch.setenv("PERENNIAL_HOME", str(tmp_path / "elsewhere"))
    run_json("restore", str(tmp_path / "backup"))
    assert run_json("status")["production"] == "v2"


def test_a_host_may_be_given_by_name(run: Run) -> None:
    assert Address.of("localhost", 3000).host in ("127.0.0.1", "::1")
    assert Address.of("::1", 3000) == Address("::1", 3000)
    result = run("up", "--host", "nowhere.invalid")
    assert (result.exit_code, "found 'nowhere.invalid'" in result.stderr) == (2, True)


def test_a_place_that_the_system_refuses_is_an_error_of_one_line(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PERENNIAL_HOME", "/proc/nowhere")
    result = run("keys", "add", "camera")
    assert (result.exit_code, result.stderr.startswith("Error: Expected to use /proc/nowhere")) == (2, True)
    machines = run("keys", "add", "camera", "--json")
    assert json.loads(machines.stdout)["error"]["code"] == "PlaceRefused"


@pytest.mark.parametrize("words", [("keys", "add", "camera"), ("backup", "backups/monday")])
def test_a_full_disk_is_an_error_of_one_line_and_leaves_nothing(
    run: Run, made_home: Path, tmp_path: Path, words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    (tmp_path / "backups").mkdir()
    before = sorted(made_home.iterdir())
    monkeypatch.setattr("store.durable.os.fsync", refuse)
    result = run(*words)
    assert result.exit_code == 2
    assert "Error: Expected to write, found that the system refuses it (No space left" in result.stderr
    assert [*sorted(made_home.iterdir()), *(tmp_path / "backups").iterdir()] == before


@pytest.mark.parametrize("words", [("rounds", "show"), ("rounds", "cancel"), ("samples", "delete")])
def test_an_id_that_no_database_can_hold_is_no_crash(run: Run, words: tuple[str, ...]) -> None:
    result = run(*words, str(2**63))
    assert (result.exit_code, "is not in the range" in result.stderr) == (2, True)


def test_json_may_be_given_to_the_group(run: Run, two_versions: None) -> None:
    assert json.loads(run("rounds", "--json", "run").stdout)["state"] == "requested"
    assert json.loads(run("rounds", "--json", "show", "9").stdout)["error"]["code"] == "UnknownRound"


def test_names_with_brackets_are_shown_complete_and_on_one_line(run: Run, home: Path, tmp_path: Path) -> None:
    assert "Key camera[bold]" in run("keys", "add", "camera[bold]", "--scope", "read").stdout
    run("migrate")
    target = tmp_path / "[red]" / ("long" * 20)
    assert f" {target}.\n" in run("backup", str(target)).stdout


def test_revoking_the_last_key_says_that_nobody_may_ask(run: Run, home: Path) -> None:
    assert "only this machine may ask" in run("keys", "list").stdout
    run("keys", "add", "camera")
    text = f"nobody may ask while {home / 'keys.json'} is there"
    assert text in run("keys", "revoke", "camera").stdout
    assert text in run("keys", "list").stdout


def test_a_worker_without_a_version_is_shown_as_such(run: Run, settings: Settings) -> None:
    with open_state(settings) as state:
        state.database.write(
            lambda connection: beat(connection, WorkerBeat("a", None, None, "broken", "cpu"))
        )
    assert "nothing loaded yet, broken" in run("status").stdout


def test_a_port_in_use_is_refused_before_anything_starts(run: Run) -> None:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        port = listening.getsockname()[1]
        result = run("up", "--port", str(port))
    assert result.exit_code == 2
    assert f"Expected port {port} of 127.0.0.1 to be free" in result.stderr


def test_a_server_for_other_machines_does_not_start_without_a_key(run: Run) -> None:
    with socket.socket() as probe:
        probe.bind(("0.0.0.0", 0))
        port = probe.getsockname()[1]
    result = run("up", "--host", "0.0.0.0", "--port", str(port))
    assert (result.exit_code, "keys add NAME" in result.stderr) == (2, True)
