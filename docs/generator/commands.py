"""The reference of the command line, read from the commands themselves."""

from collections.abc import Iterator

import click

from perennial.cli import main

_WIDTH = 100


def markdown() -> str:
    """Return docs/reference/commands.md, whole."""
    lines = [
        "# Commands",
        "",
        "`perennial COMMAND --help` shows the same on the terminal. With `--json` a command answers in JSON.",
        "In a checkout the program is `.venv/bin/perennial`.",
    ]
    for path, text in helps(main, "perennial", None):
        lines += ["", f"## {path}", "", "```text", text, "```"]
    return "\n".join(lines) + "\n"


def helps(command: click.Command, name: str, parent: click.Context | None) -> Iterator[tuple[str, str]]:
    """Yield each command that people may call, with its help: a group first, then its members."""
    settings = {**command.context_settings, "terminal_width": _WIDTH}
    context = click.Context(command, parent=parent, info_name=name, **settings)
    yield context.command_path, _without_trailing_space(command.get_help(context))
    if isinstance(command, click.Group):
        for member in command.list_commands(context):
            subcommand = command.get_command(context, member)
            if subcommand is not None and not subcommand.hidden:
                yield from helps(subcommand, member, context)


def _without_trailing_space(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.splitlines())
