"""`keys`: who may ask, under which name, for what."""

from pathlib import Path

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
    answer({"keys": found}, as_json=as_json, told=lambda console: _tell(console, file, found))


@keys.command()
@click.argument("name")
@json_option
def revoke(name: str, as_json: bool) -> None:
    """Revoke the key called NAME."""
    file = Settings.load().keys
    revoke_key(file, name)
    told = f"The key {name} is revoked; servers notice within seconds."
    if not read_keys(file):
        told += f" It was the last one: {_who_may_ask(file)}."
    answer({"revoked": name}, as_json=as_json, told=lambda console: console.print(told))


def _who_may_ask(file: Path) -> str:
    # Revoking the last key must not open the server to whoever reaches it through a proxy on this machine.
    return f"nobody may ask while {file} is there" if file.exists() else "only this machine may ask"


def _tell_new(console: Console, result: Json) -> None:
    console.print(f"Key {result['name']} ({', '.join(result['scopes'])}), shown this once:")
    # The key stands alone on its line, so that it can be copied.
    console.print(result["key"])
    console.print("Send it as: Authorization: Bearer KEY")


def _tell(console: Console, file: Path, found: list[Json]) -> None:
    if not found:
        console.print(f"There are no keys: {_who_may_ask(file)}. `perennial keys add NAME` makes one.")
        return
    rows = table("name", "scopes", "created")
    for key in found:
        rows.add_row(key["name"], ", ".join(key["scopes"]), key["created"][:19])
    console.print(rows)
