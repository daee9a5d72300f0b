"""The command line: one file for each group of commands.

None of these files imports torch at the top, since that takes seconds and most commands only read rows.
"""

import click

from perennial.cli import (
    archives,
    backups,
    demo,
    keys,
    lab,
    learning,
    models,
    output,
    rounds,
    samples,
    serving,
    settings,
    status,
    training,
)


@click.group(cls=output.Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="perennial")
def main() -> None:
    """An image classifier that keeps learning after it ships."""


main.add_command(training.train)
main.add_command(serving.up)
main.add_command(serving.serve)
main.add_command(learning.learn)
main.add_command(learning.run_round)
main.add_command(learning.prepare)
main.add_command(status.status)
main.add_command(status.pause)
main.add_command(status.resume)
main.add_command(rounds.rounds)
main.add_command(models.models)
main.add_command(samples.samples)
samples.samples.add_command(archives.export_all)
samples.samples.add_command(archives.import_all)
main.add_command(samples.predictions)
main.add_command(backups.backup)
main.add_command(backups.restore)
main.add_command(keys.keys)
main.add_command(settings.settings)
main.add_command(demo.demo)
main.add_command(lab.lab)
