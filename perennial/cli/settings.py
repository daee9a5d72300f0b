"""`settings`: every setting with the value in force."""

import click
from rich.console import Console

from perennial.cli.audience import Json, answer, json_option, table
from perennial.settings import Settings
from perennial.settings_table import markdown, rows


@click.command()
@click.option("--markdown", "as_markdown", is_flag=True, help="Write docs/settings.md to standard output.")
@json_option
def settings(as_markdown: bool, as_json: bool) -> None:
    """Show every setting with its value and its meaning."""
    if as_markdown:
        click.echo(markdown(), nl=False)
        return
    values = Settings.load().model_dump(mode="json")
    found = [
        {"variable": row.variable, "value": values[row.key], "default": row.default, "help": row.help}
        for row in rows()
    ]
    answer({"settings": found}, as_json=as_json, told=lambda console: _tell(console, found))


def _tell(console: Console, found: list[Json]) -> None:
    made = table("variable", "value", "meaning")
    for row in found:
        value = ", ".join(row["value"]) if isinstance(row["value"], list) else str(row["value"])
        made.add_row(row["variable"], value, row["help"])
    console.print(made)
