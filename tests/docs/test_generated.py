"""The reference holds everything, and every generated page is what its generator writes now."""

import re
from pathlib import Path

import click
import pytest

from docs.generator import api
from docs.generator.pages import PAGES
from perennial.cli import main
from perennial.settings.table import rows

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("path", PAGES)
def test_a_generated_page_is_up_to_date(path: str) -> None:
    assert (ROOT / path).read_text() == PAGES[path](), "run: make reference"


def test_every_setting_is_listed_under_a_group() -> None:
    page = (ROOT / "docs" / "reference" / "settings.md").read_text()
    for row in rows():
        _, _, below = page.partition(f"\n## {row.group}\n")
        assert row.group
        assert row.help
        assert f"| `{row.variable}` |" in below.partition("\n## ")[0]


def test_every_endpoint_and_every_error_is_listed() -> None:
    page = (ROOT / "docs" / "reference" / "api.md").read_text()
    listed = [f"`{method} {path}`" for path, method, _ in api.routes(api.description())]
    assert len(listed) > 20
    assert [name for name in listed if f"### {name}" not in page] == []
    assert {"unauthorized", "too_many_requests", "prediction_gone"} <= set(re.findall(r"\| `(\w+)` \|", page))


def test_every_command_is_listed_except_those_for_programs() -> None:
    page = (ROOT / "docs" / "reference" / "commands.md").read_text()
    listed = set(re.findall(r"^## (perennial.*)$", page, re.MULTILINE))
    assert {"perennial up", "perennial rounds approve", "perennial samples export"} <= listed
    assert listed == set(_paths(main, "perennial"))


def _paths(command: click.Command, name: str) -> list[str]:
    paths = [name]
    if isinstance(command, click.Group):
        context = click.Context(command)
        for own in command.list_commands(context):
            member = command.get_command(context, own)
            assert member is not None
            paths += [] if member.hidden else _paths(member, f"{name} {own}")
    return paths
