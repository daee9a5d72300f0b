"""The command line: one file for each group of commands.

None of these files imports torch at the top, since that takes seconds and most commands only read rows.
"""

import click

from perennial.cli.commands import Commands


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="perennial")
def main() -> None:
    """An image classifier that keeps learning after it ships."""
