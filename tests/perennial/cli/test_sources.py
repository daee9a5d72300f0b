"""`sources list|quarantine|release`, and what `rounds show` says of a source."""

from collections.abc import Callable
from typing import Any

import pytest
from click.testing import Result

from perennial.settings.settings import Settings
from perennial.state import open_state
from store.registry import promote
from store.samples.samples import find_sample
from store.versions import NewVersion, add_version
from tests.store.source_work import SENTENCE, name_mallory

CLASSES = ("ants", "bees")


@pytest.fixture
def poisoned(settings: Settings) -> Settings:
    """A home of which a round named mallory, from whom v2 learnt."""
    with open_state(settings) as state:
        first = NewVersion(CLASSES, {"weights": "a" * 64})
        state.database.write(lambda c: add_version(c, first, []))
        state.database.write(lambda c: promote(c, "v1", reason="first", actor="test"))
        sample_id = state.database.write(lambda c: name_mallory(c, CLASSES, "d" * 64))
        with state.database.read() as connection:
            revision = find_sample(connection, sample_id).label_revision
        second = NewVersion(CLASSES, {"weights": "b" * 64}, parent="v1")
        state.database.write(lambda c: add_version(c, second, [(sample_id, "train", revision)]))
    return settings


@pytest.mark.usefixtures("poisoned")
def test_sources_are_listed_with_what_the_last_round_found(
    run: Callable[..., Result], run_json: Callable[..., Any]
) -> None:
    listed = run_json("sources", "list")["sources"]
    assert [(each["name"], each["review"]["is_named"], each["versions"]) for each in listed] == [
        ("ann", False, []),
        ("mallory", True, ["v2"]),
    ]
    shown = " ".join(run("sources", "list").stdout.split())
    for told in ("75 %", "named", "Named: for a test.", "Learnt from mallory: v2."):
        assert told in shown


@pytest.mark.usefixtures("poisoned")
def test_a_quarantine_names_the_versions_that_learnt_and_marks_them(
    run: Callable[..., Result], run_json: Callable[..., Any]
) -> None:
    done = " ".join(run("sources", "quarantine", "mallory", "--reason", "flips").stdout.split())
    assert "mallory is quarantined. Samples that changed: 1." in done
    assert "Versions that learnt from it: v2. `perennial models rollback`" in done
    assert run_json("status")["num_pending"] == 1
    marks = {each["version"]: each["quarantined_sources"] for each in run_json("models", "list")["models"]}
    assert marks == {"v2": ["mallory"], "v1": []}
    assert "quarantined" in run("models", "list").stdout
    released = run_json("sources", "release", "mallory")
    assert (released["num_changed"], released["source"]["quarantine"]) == (1, None)
    assert run_json("status")["num_pending"] == 2


@pytest.mark.usefixtures("poisoned")
def test_who_is_unknown_or_not_quarantined_is_an_error_of_one_line(run: Callable[..., Result]) -> None:
    for words in (("quarantine", "nobody"), ("release", "mallory")):
        refused = run("sources", *words)
        assert (refused.exit_code, len(refused.stderr.splitlines())) == (2, 1)


@pytest.mark.usefixtures("poisoned")
def test_a_round_says_whom_it_named(run: Callable[..., Result]) -> None:
    assert f"sources: {SENTENCE}" in " ".join(run("rounds", "show", "1").stdout.split())
