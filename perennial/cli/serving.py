"""`up` and `serve`: starts the server, with and without a learner beside it."""

import click

from perennial.running_servers import refuse_taken
from perennial.server import (
    Address,
    announce_when_ready,
    check_keys,
    check_port,
    environment_for,
    replace_process,
)
from perennial.settings.settings import Settings

_host = click.option("--host", help="Address to listen on.  [default: 127.0.0.1]")
_port = click.option("--port", type=click.IntRange(1, 65535), help="Port to listen on.  [default: 3000]")
_workers = click.option("--workers", type=click.IntRange(1, 64), help="Serving processes.")


@click.command()
@_host
@_port
@_workers
def up(host: str | None, port: int | None, workers: int | None) -> None:
    """Serve and learn.

    It makes a starter model first where there is no model yet.
    """
    _run({"host": host, "port": port, "workers": workers})


@click.command()
@_host
@_port
@_workers
def serve(host: str | None, port: int | None, workers: int | None) -> None:
    """Serve without learning.

    `perennial learn` learns, for instance in another container.
    """
    _run({"host": host, "port": port, "workers": workers, "learner": False})


def _run(overrides: dict[str, object]) -> None:
    settings = Settings.load(overrides)
    refuse_taken(settings)
    address = Address.of(settings.host, settings.port)
    check_port(address)
    check_keys(settings)
    announce_when_ready(settings, address)
    replace_process(address, environment_for(settings))
