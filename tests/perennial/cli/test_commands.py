"""The group of all commands: what it lists, what it loads, and what it does where output is refused."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from perennial.cli import main
from perennial.settings.settings import Settings
from perennial.state import open_state
from store.registry import promote
from store.versions import NewVersion, add_version

ROOT = Path(__file__).parents[3]
HEAVY = ("torch", "numpy", "PIL", "scipy", "alembic", "starlette", "bentoml")


def test_the_list_of_commands_says_what_each_command_says() -> None:
    context = click.Context(main, info_name="perennial")
    text = main.get_help(context)
    for name in main.list_commands(context):
        command = main.get_command(context, name)
        assert command is not None
        assert command.name == name
        line = command.get_short_help_str(limit=100)
        assert (f"{name} " in text and line in text) != command.hidden, name


def test_an_unknown_command_is_an_error_of_use(run: Callable[..., Result]) -> None:
    result = run("trian")
    assert (result.exit_code, "No such command 'trian'" in result.stderr) == (2, True)


@pytest.mark.parametrize(
    ("words", "unloaded"), [(["--help"], (*HEAVY, "sqlalchemy", "pydantic", "rich")), (["status"], HEAVY)]
)
def test_a_command_loads_nothing_that_it_does_not_need(
    settings: Settings, words: list[str], unloaded: tuple[str, ...]
) -> None:
    with open_state(settings):
        pass
    code = (
        "import atexit, sys\n"
        f"atexit.register(lambda: print([each for each in {unloaded} if each in sys.modules]))\n"
        f"from perennial.cli import main; main({words})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.splitlines()[-1] == "[]"


def test_what_the_outputs_encoding_lacks_is_replaced(settings: Settings) -> None:
    with open_state(settings) as state:
        files = {"artifact.json": state.blobs.put(b"{}")}
        new = NewVersion(class_names=("Müll", "雪"), files=files)
        state.database.write(lambda c: add_version(c, new, ()))
        state.database.write(lambda c: promote(c, "v1", reason="a test", actor="test"))
    runner = CliRunner(charset="latin-1")
    shown = runner.invoke(main, ["models"])
    assert (shown.exit_code, "v1" in shown.stdout and "?" in shown.stdout) == (0, True), shown.output
    machines = runner.invoke(main, ["status", "--json"])
    assert (machines.exit_code, "\\u96ea" in machines.stdout) == (0, True)


@pytest.mark.skipif(sys.platform != "linux", reason="there is no /dev/full")
@pytest.mark.parametrize("words", [["--help"], ["settings", "--json"]])
def test_output_that_is_refused_is_an_error_of_one_line(home: Path, words: list[str]) -> None:
    command = [sys.executable, "-m", "perennial", *words]
    with open("/dev/full", "w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False, cwd=ROOT)
    assert done.returncode == 2
    assert done.stderr.startswith("Error: Expected to write, found that the system refuses it")
    assert done.stderr.count("\n") == 1
