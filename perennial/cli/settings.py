"""`settings`: every setting with the value in force."""

from itertools import groupby
from operator import itemgetter

import click
from rich.console import Console
from rich.padding import Padding

from perennial.cli.output import Json, json_option, print_result
from perennial.settings.settings import Settings
from perennial.settings.table import markdown, rows


@click.command()
@click.option("--markdown", "as_markdown", is_flag=True, help="Write the page of the reference.")
@json_option
def settings(as_markdown: bool, as_json: bool) -> None:
    """Show every setting with its value and its meaning."""
    if as_markdown:
        click.echo(markdown(), nl=False)
        return
    values = Settings.load().model_dump(mode="json")
    shown = [
        {
            "group": row.group,
            "variable": row.variable,
            "value": values[row.key],
            "default": row.default,
            "help": row.help,
        }
        for row in rows()
    ]
    print_result({"settings": shown}, as_json=as_json, show=lambda console: _print_settings(console, shown))


def _print_settings(console: Console, shown: list[Json]) -> None:
    for group, members in groupby(shown, itemgetter("group")):
        console.print(f"\n{group}", style="bold")
        for row in members:
            console.print(f"{row['variable']}={_as_variable(row['value'])}")
            console.print(Padding.indent(row["help"], 4), soft_wrap=False)


def _as_variable(value: object) -> str:
    """Return a value as the environment takes it."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if value is None:
        return ""
    return ",".join(value) if isinstance(value, list) else str(value)
