from collections.abc import Callable
from typing import Any

import pytest
from click.testing import Result

from perennial.settings.settings import Settings
from perennial.state import open_state
from store.registry import promote
from store.versions import NewVersion, add_version
from tests.store.class_work import send


@pytest.fixture
def labelled(settings: Settings) -> Settings:
    """A home with a version and samples whose labels are no class of it."""
    with open_state(settings) as state:
        new = NewVersion(("ants", "bees"), {"weights": "a" * 64})
        state.database.write(lambda c: add_version(c, new, []))
        state.database.write(lambda c: promote(c, "v1", reason="first", actor="test"))
        send(state.database, "wasps", 20)
        send(state.database, "beez", 2, start=100)
    return settings


@pytest.mark.usefixtures("labelled")
def test_labels_are_listed_for_people_and_machines_and_in_the_status(
    run: Callable[..., Result], run_json: Callable[..., Any]
) -> None:
    listed = run_json("classes", "list")
    assert [(each["name"], each["num_samples"], each["is_due"]) for each in listed["unknown"]] == [
        ("wasps", 20, True),
        ("beez", 2, False),
    ]
    assert [each["name"] for each in listed["classes"]] == ["ants", "bees"]
    shown = run("classes", "list").stdout
    assert "due" in shown
    assert "1 wait for a person: `perennial classes list`" in " ".join(run("status").stdout.split())


@pytest.mark.usefixtures("labelled")
def test_each_is_accepted_merged_or_rejected(
    run: Callable[..., Result], run_json: Callable[..., Any]
) -> None:
    assert run_json("classes", "merge", "beez", "bees")["merged_into"] == "bees"
    assert "The next round learns wasps." in run("classes", "accept", "wasps").stdout
    assert "accepted by" in run("classes", "list").stdout
    assert run_json("classes", "reject", "wasps")["word"] == "rejected"
    assert run_json("classes", "list")["unknown"] == []


@pytest.mark.usefixtures("labelled")
def test_a_label_that_nobody_sent_is_named_with_the_nearest(run: Callable[..., Result]) -> None:
    refused = run("classes", "accept", "waspz")
    assert refused.exit_code == 2
    assert "the nearest is 'wasps'" in refused.output
