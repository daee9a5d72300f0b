"""`keys`: who may ask, under which name, for what."""

import click
from rich.console import Console

from perennial.cli.audience import Json, answer, json_option, table
from perennial.settings import Settings
from service.keys import SCOPES, add_key, read_keys, revoke_key


@click.group()
def keys() -> None:
    """Make, list and revoke keys."""


@keys.command()
@click.argument("name")
@click.option(
    "--scope", "scopes", multiple=True, type=click.Choice(SCOPES), help="May be given again.  [default: all]"
)
@json_option
def add(name: str, scopes: tuple[str, ...], as_json: bool) -> None:
    """Make a key called NAME, the source of its feedback; it is shown this once."""
    file = Settings.load().keys
    secret = add_key(file, name, scopes or SCOPES)
    result = {"name": name, "scopes": list(scopes or SCOPES), "key": secret, "file": str(file)}
    answer(result, as_json=as_json, told=lambda console: _tell_new(console, result))


@keys.command("list")
@json_option
def list_keys(as_json: bool) -> None:
    """List the keys: names and scopes, never the keys themselves."""
    file = Settings.load().keys
    found = [
        {"name": key.name, "scopes": list(key.scopes), "created": key.created} for key in read_keys(file)
    ]
    answer({"keys": found}, as_json=as_json, told=lambda console: _tell(console, found))


@keys.command()
@click.argument("name")
@json_option
def revoke(name: str, as_json: bool) -> None:
    """Revoke the key called NAME."""
    revoke_key(Settings.load().keys, name)
    answer(
        {"revoked": name},
        as_json=as_json,
        told=lambda console: console.print(f"The key {name} is revoked; servers notice within seconds."),
    )


def _tell_new(console: Console, result: Json) -> None:
    console.print(f"Key {result['name']} ({', '.join(result['scopes'])}), shown this once:")
    # The key stands alone on its line and unwrapped, so that it can be copied.
    console.print(result["key"], soft_wrap=True, markup=False)
    console.print("Send it as: Authorization: Bearer KEY")


def _tell(console: Console, found: list[Json]) -> None:
    if not found:
        console.print("There are no keys: only this machine may ask. `perennial keys add NAME` makes one.")
        return
    rows = table("name", "scopes", "created")
    for key in found:
        rows.add_row(key["name"], ", ".join(key["scopes"]), key["created"][:19])
    console.print(rows)
