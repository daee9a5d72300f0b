"""`demo`: the whole story on a server of its own."""

from pathlib import Path

import click


@click.command()
@click.argument("directory", metavar="[DIR]", type=click.Path(path_type=Path), required=False)
def demo(directory: Path | None) -> None:
    """Serve, drift, feedback, round, swap."""
