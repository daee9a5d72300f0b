"""The group of all commands: it loads only the one that runs, and prints errors as one line."""

import errno
import importlib
import json
import os
import sys
from io import TextIOWrapper
from typing import Any

import click

from perennial.hints import in_this_shell

#: The key of a context's meta under which a command remembers that it answers in JSON.
AS_JSON = "perennial.as_json"
FAILED = 2
# A full disk or quota, or one that may not be written: the system names no file for it.
_REFUSED_WRITES = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)

# Each command's module, its name there, and its line in the list; those without a line are for programs.
_COMMANDS = {
    "alarms": ("alarms", "alarms", "List alarms; show, acknowledge, accept one."),
    "backup": ("backups", "backup", "Copy the state into DIRECTORY, while the server runs."),
    "classes": ("classes", "classes", "List unknown labels; accept, merge, reject one."),
    "demo": ("demo", "demo", "Show the whole loop in a few minutes."),
    "holdout": ("holdout", "holdout", "Replace the images on which every candidate is judged."),
    "keys": ("keys", "keys", "Make, list and revoke keys."),
    "lab": ("lab", "lab", "Answer a question about transfer on your own images."),
    "learn": ("learning", "learn", "Run the learner alone, until it is stopped."),
    "migrate": ("learning", "migrate", "Make the database's tables, or bring them to this release's."),
    "models": ("models", "models", "List versions; promote, roll back, export."),
    "pause": ("status", "pause", "Pause learning: no round begins until `perennial resume`."),
    "predictions": ("samples", "predictions", "Delete a prediction."),
    "prepare": ("learning", "prepare", None),
    "restore": ("backups", "restore", "Restore the backup in DIRECTORY into an empty home."),
    "resume": ("status", "resume", "Resume learning."),
    "rounds": ("rounds", "rounds", "List rounds; run, show, approve, cancel one."),
    "run-round": ("learning", "run_round", None),
    "run-watch": ("learning", "run_watch", None),
    "samples": ("samples", "samples", "Export and import all samples, settle disputes, or delete one."),
    "serve": ("serving", "serve", "Serve without learning."),
    "settings": ("settings", "settings", "Show every setting with its value and its meaning."),
    "sources": ("sources", "sources", "List the sources of labels; quarantine, release one."),
    "status": ("status", "status", "Show what serves, what was collected and what learning does."),
    "train": ("training", "train", "Train on labelled images; the result becomes production."),
    "up": ("serving", "up", "Serve and learn."),
    "zoo": ("zoo", "zoo", "List the backbones that `train --backbone` knows."),
}


class Commands(click.Group):
    """A group whose errors are one line with a remedy and exit code 2, never a traceback."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands, the hidden ones too."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load a command, with what it imports; None if there is none of that name."""
        if cmd_name not in _COMMANDS:
            return None
        module, name, _ = _COMMANDS[cmd_name]
        command: click.Command = getattr(importlib.import_module(f"perennial.cli.{module}"), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without loading any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, _, line) in _COMMANDS.items() if line is not None])

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run the program; print a question mark for what the output's encoding lacks."""
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, TextIOWrapper):
                stream.reconfigure(errors="replace")
        try:
            return super().main(*args, **kwargs)
        except OSError as error:
            if error.errno not in _REFUSED_WRITES:
                raise
            print_error(_mendable(error) or error, as_json=False)
            # What could not be written must not be tried again at the exit.
            sys.stdout = open(os.devnull, "w")  # noqa: SIM115  open until the exit
            sys.exit(FAILED)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command, and print its error where a person can mend it."""
        try:
            return super().invoke(ctx)
        except Exception as error:  # a process boundary: what a person can't mend is raised again
            mendable = _mendable(error)
            if mendable is None:
                raise
            print_error(mendable, as_json=bool(ctx.meta.get(AS_JSON)))
            ctx.exit(FAILED)


def print_error(error: Exception, *, as_json: bool) -> None:
    """Print an error: on standard error for people, as the command's JSON for machines."""
    if as_json:
        code = type(error).__name__.removesuffix("Error")
        click.echo(json.dumps({"error": {"code": code, "message": str(error)}}))
    else:
        click.echo(f"{click.style('Error:', fg='red')} {in_this_shell(str(error))}", err=True)


def _mendable(error: Exception) -> Exception | None:
    """Return the error to print where a person can mend it; None if it is a bug."""
    # Only now, since they load more than most commands need.
    from perennial.errors import PerennialError, PlaceRefusedError
    from retrain.errors import RetrainError
    from service.errors import ServiceError
    from store.errors import StoreError
    from transfer.errors import TransferError
    from vision.errors import VisionError

    ours = PerennialError | TransferError | StoreError | VisionError | RetrainError | ServiceError
    if isinstance(error, ours):
        return error
    # Else an error without a file is about a pipe or a socket.
    if isinstance(error, OSError) and (error.filename is not None or error.errno in _REFUSED_WRITES):
        return PlaceRefusedError.of(error)
    return None
