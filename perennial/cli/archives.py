"""`samples export` and `samples import`."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click
from rich.console import Console

from perennial.cli.output import json_option, print_result, progress_bar
from perennial.settings.settings import Settings
from perennial.state import open_existing_state, open_state

if TYPE_CHECKING:
    from perennial.archive.importing import Report

_NUM_NAMED = 5


@click.command("export")
@click.argument("target", metavar="DIR|FILE.tar", type=click.Path(path_type=Path))
@click.option(
    "--format",
    "form",
    type=click.Choice(["webdataset", "folder", "csv"]),
    default="webdataset",
    show_default=True,
    help="Tars, a folder for each class, or a CSV beside images.",
)
@json_option
def export_all(target: Path, form: Literal["webdataset", "folder", "csv"], as_json: bool) -> None:
    """Write all samples to DIR, or to a single tar.

    Each image comes with its label, origin, source, split, group and time. The current label of each source
    is written, but not the history before it. `backup` keeps predictions, rounds and versions.
    """
    # Only now, since it loads Pillow.
    from perennial.archive.exporting import export_samples

    with open_existing_state(Settings.load()) as state, progress_bar("Exporting", as_json) as on_sample:
        exported = export_samples(state, target, form, on_sample)
    result = {
        "target": str(target),
        "format": form,
        "num_samples": exported.num_samples,
        "num_conflicts": exported.num_by_state.get("conflict", 0),
        "num_quarantined": exported.num_by_state.get("quarantined", 0),
        "left_out": [[name, reason] for name, reason in exported.left_out],
    }

    def show(out: Console) -> None:
        out.print(f"{exported.num_samples} samples are in {target}.")
        if result["num_conflicts"] or result["num_quarantined"]:
            out.print(
                f"Among them are {result['num_conflicts']} whose sources disagree and "
                f"{result['num_quarantined']} whose label no class has: they have no label in force."
            )
        _print_reasons(out, "left out", exported.left_out)

    print_result(result, as_json=as_json, show=show)


@click.command("import")
@click.argument("place", metavar="PATH", type=click.Path(path_type=Path))
@click.option("--trusted", is_flag=True, help="Labels that were trusted or settled there are so here too.")
@json_option
def import_all(place: Path, trusted: bool, as_json: bool) -> None:
    """Import the samples that `samples export` wrote to PATH.

    Importing them again, or after a crash, doubles nothing. Split, source, origin, group and time stay as
    they were. A label that is no class of production is quarantined, and a label that sources disagree about
    waits for a person, as with feedback. No imported label is trusted, unless --trusted says that PATH is.
    Rounds learn from the imported feedback only: to learn from samples that `train` had stored, run
    `perennial train PATH`.
    """
    from perennial.archive.importing import import_samples

    settings = Settings.load()
    with open_state(settings) as state, progress_bar("Importing", as_json) as on_sample:
        report = import_samples(
            state, place, settings.limits(), settings.split(), on_sample, is_trusted=trusted
        )
    result = {
        "added": report.num_added,
        "labelled": report.num_labelled,
        "already_there": report.num_known,
        "moved": report.num_moved,
        "refused": [[name, reason] for name, reason in report.refused],
    }
    print_result(result, as_json=as_json, show=lambda out: _print_report(out, report))


def _print_report(out: Console, report: "Report") -> None:
    out.print(
        f"{report.num_added} samples added, {report.num_labelled} known ones labelled by more sources, "
        f"{report.num_known} already there, {len(report.refused)} refused."
    )
    if report.num_moved:
        out.print(
            f"{report.num_moved} of the added ones are near-duplicates of a sample here, or of its group, "
            "and joined its split."
        )
    _print_reasons(out, "refused", report.refused)


def _print_reasons(out: Console, outcome: str, reasons: Sequence[tuple[str, str]]) -> None:
    for name, reason in reasons[:_NUM_NAMED]:
        out.print(f"{outcome}: {name}: {reason}")
    if len(reasons) > _NUM_NAMED:
        out.print(f"{outcome}: {len(reasons) - _NUM_NAMED} more; --json names all")
