"""`keys`: the keys of clients, with their names and scopes."""

from pathlib import Path

import click
from rich.console import Console

from perennial.cli.output import Json, json_option, print_result, table
from perennial.settings.settings import Settings
from perennial.state import warn_of_other_homes
from service.keys import SCOPES, add_key, clean_name, read_keys, revoke_key


@click.group()
def keys() -> None:
    """Make, list and revoke keys."""


@keys.command()
@click.argument("name")
@click.option(
    "--scope", "scopes", multiple=True, type=click.Choice(SCOPES), help="May be given again.  [default: all]"
)
@click.option(
    "--trusted",
    is_flag=True,
    help="Its labels are right: others can only dispute them. Keys with the scope admin are trusted anyway.",
)
@json_option
def add(name: str, scopes: tuple[str, ...], trusted: bool, as_json: bool) -> None:
    """Make a key called NAME, and show it once.

    NAME is the source of the feedback that the key sends.
    """
    settings = Settings.load()
    warn_of_other_homes(settings)
    file = settings.keys
    name = clean_name(name)
    secret = add_key(file, name, scopes or SCOPES, trusted=trusted)
    result = {
        "name": name,
        "scopes": list(scopes or SCOPES),
        "is_trusted": trusted or "admin" in (scopes or SCOPES),
        "key": secret,
        "file": str(file),
    }
    print_result(result, as_json=as_json, show=lambda console: _print_new_key(console, result))


@keys.command("list")
@json_option
def list_keys(as_json: bool) -> None:
    """List the keys: names, scopes and trust, never the keys themselves."""
    file = Settings.load().keys
    rows = [
        {
            "name": key.name,
            "scopes": list(key.scopes),
            "is_trusted": key.is_trusted,
            "created": key.created,
        }
        for key in read_keys(file)
    ]
    print_result({"keys": rows}, as_json=as_json, show=lambda console: _print_keys(console, file, rows))


@keys.command()
@click.argument("name")
@json_option
def revoke(name: str, as_json: bool) -> None:
    """Revoke the key called NAME."""
    file = Settings.load().keys
    revoke_key(file, name)
    sentence = f"The key {name} is revoked; servers notice within seconds."
    if not read_keys(file):
        sentence += f" It was the last one: {_who_may_ask(file)}."
    print_result({"revoked": name}, as_json=as_json, show=lambda console: console.print(sentence))


def _who_may_ask(file: Path) -> str:
    # Revoking the last key must not open the server to clients that come through a proxy on this machine.
    return f"nobody may ask while {file} is there" if file.exists() else "only this machine may ask"


def _print_new_key(console: Console, result: Json) -> None:
    trust = ", trusted" if result["is_trusted"] else ""
    console.print(f"Key {result['name']} ({', '.join(result['scopes'])}{trust}), shown this once:")
    # The key stands alone on its line, so that it can be copied.
    console.print(result["key"])
    console.print("Send it as: Authorization: Bearer KEY")
    console.print(f"Its hash is in {result['file']}.")


def _print_keys(console: Console, file: Path, rows: list[Json]) -> None:
    if not rows:
        console.print(f"There are no keys: {_who_may_ask(file)}. `perennial keys add NAME` makes one.")
        return
    keys_table = table("name", "scopes", "labels", "created")
    for key in rows:
        trust = "trusted" if key["is_trusted"] else "untrusted"
        keys_table.add_row(key["name"], ", ".join(key["scopes"]), trust, key["created"][:19])
    console.print(keys_table)
