from collections.abc import Callable
from typing import Any

import pytest
from click.testing import Result

from perennial.settings.settings import Settings
from perennial.state import open_state
from store.registry import promote
from store.versions import NewVersion, add_version
from tests.store.alarm_work import in_force, raised


@pytest.fixture
def alarmed(settings: Settings) -> Settings:
    """A home with a version, a looks alarm and an errors alarm."""
    with open_state(settings) as state:
        new = NewVersion(("ants", "bees"), {"weights": "a" * 64})
        state.database.write(lambda c: add_version(c, new, []))
        state.database.write(lambda c: promote(c, "v1", reason="first", actor="test"))
        raised(state.database)
        raised(state.database, "errors", names=())
    return settings


@pytest.mark.usefixtures("alarmed")
def test_alarms_are_listed_newest_first_and_in_the_status(
    run: Callable[..., Result], run_json: Callable[..., Any]
) -> None:
    listed = run_json("alarms", "list")
    assert [(alarm["id"], alarm["kind"]) for alarm in listed["alarms"]] == [(2, "errors"), (1, "looks")]
    assert [alarm["id"] for alarm in run_json("alarms", "list", "--before", "2")["alarms"]] == [1]
    shown = run("alarms", "list").stdout
    assert "The looks moved." in shown
    assert "2 that nobody looked at" in " ".join(run("status").stdout.split())


@pytest.mark.usefixtures("alarmed")
def test_one_is_shown_with_its_classes_figures_and_images(
    run: Callable[..., Result], run_json: Callable[..., Any]
) -> None:
    shown = " ".join(run("alarms", "show", "1").stdout.split())
    for told in ("Alarm 1, open", "The looks moved.", "looks, noticed by embeddings", "bees, ants", "0.25"):
        assert told in shown
    assert "2; their labels are asked for in the queue" in shown
    assert len(run_json("alarms", "show", "1")["images"]) == 2


def test_one_is_acknowledged_and_accepted_with_a_reason(
    alarmed: Settings, run: Callable[..., Result], run_json: Callable[..., Any]
) -> None:
    seen = run_json("alarms", "ack", "1", "--reason", "the lamp")
    assert (seen["state"], seen["reason"]) == ("acknowledged", "the lamp")
    assert "(command line)" in seen["acted_by"]
    done = run("alarms", "accept", "1", "--reason", "a new lamp")
    assert "Alarm 1 is accepted: what comes from now on is normal." in done.stdout
    shown = " ".join(run("alarms", "show", "1").stdout.split())
    assert "Alarm 1, accepted" in shown
    assert "a new lamp" in shown
    with open_state(alarmed) as state:
        assert in_force(state.database).version == "v1"


@pytest.mark.usefixtures("alarmed")
def test_what_can_t_be_decided_is_one_line(run: Callable[..., Result]) -> None:
    run("alarms", "accept", "1")
    for arguments, told in ((("ack", "1"), "which is accepted since"), (("show", "7"), "found 7")):
        refused = run("alarms", *arguments)
        assert refused.exit_code == 2
        assert told in refused.stderr


def test_a_home_without_alarms_says_so(run: Callable[..., Result], settings: Settings) -> None:
    with open_state(settings):
        pass
    assert run("alarms", "list").stdout == "There is no alarm.\n"
