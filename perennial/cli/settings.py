"""`settings`: every setting with the value in force."""

import click
from rich.console import Console

from perennial.cli.output import Json, json_option, print_result, table
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
        {"variable": row.variable, "value": values[row.key], "default": row.default, "help": row.help}
        for row in rows()
    ]
    print_result({"settings": shown}, as_json=as_json, show=lambda console: _print_settings(console, shown))


def _print_settings(console: Console, shown: list[Json]) -> None:
    meanings = table("variable", "value", "meaning")
    for row in shown:
        value = ", ".join(row["value"]) if isinstance(row["value"], list) else str(row["value"])
        meanings.add_row(row["variable"], value, row["help"])
    console.print(meanings)
