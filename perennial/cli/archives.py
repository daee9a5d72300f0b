"""`samples export` and `samples import`."""

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click
from rich.console import Console

from perennial.cli.audience import answer, json_option, progress
from perennial.settings import Settings
from perennial.state import open_state

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

    Each image comes with its label, origin, source, split, group and time. Of the labels, the current one of
    each source is written, not the history before it; predictions, rounds and versions are left to `backup`.
    """
    # Only now, since it loads Pillow.
    from perennial.archive.exporting import export_samples

    with open_state(Settings.load()) as state, progress("Exporting", as_json) as on_sample:
        made = export_samples(state, target, form, on_sample)
    result = {
        "target": str(target),
        "format": form,
        "num_samples": made.num_samples,
        "left_out": [[name, reason] for name, reason in made.left_out],
    }

    def told(out: Console) -> None:
        out.print(f"{made.num_samples} samples are in {target}.")
        _tell_all(out, "left out", made.left_out)

    answer(result, as_json=as_json, told=told)


@click.command("import")
@click.argument("place", metavar="PATH", type=click.Path(path_type=Path))
@json_option
def import_all(place: Path, as_json: bool) -> None:
    """Bring in the samples that `samples export` wrote to PATH; again, or after a crash, nothing is doubled.

    Split, source, origin, group and time stay as they were. What production's classes don't know is
    quarantined, and what sources disagree about waits, as with feedback. Rounds learn from feedback; samples
    that `train` had brought in are learnt by `perennial train PATH`.
    """
    from perennial.archive.importing import import_samples

    settings = Settings.load()
    with open_state(settings) as state, progress("Importing", as_json) as on_sample:
        report = import_samples(state, place, settings.limits(), settings.split(), on_sample)
    result = {
        "added": report.num_added,
        "labelled": report.num_labelled,
        "already_there": report.num_known,
        "moved": report.num_moved,
        "refused": [[name, reason] for name, reason in report.refused],
    }
    answer(result, as_json=as_json, told=lambda out: _tell(out, report))


def _tell(out: Console, report: "Report") -> None:
    out.print(
        f"{report.num_added} samples added, {report.num_labelled} known ones labelled by more sources, "
        f"{report.num_known} already there, {len(report.refused)} refused."
    )
    if report.num_moved:
        out.print(
            f"{report.num_moved} of those added are nearly the same as something here, or of its group, and "
            "were kept on one side with it."
        )
    _tell_all(out, "refused", report.refused)


def _tell_all(out: Console, what: str, found: "list[tuple[str, str]] | tuple[tuple[str, str], ...]") -> None:
    for name, reason in found[:_NUM_NAMED]:
        out.print(f"{what}: {name}: {reason}")
    if len(found) > _NUM_NAMED:
        out.print(f"{what}: {len(found) - _NUM_NAMED} more; --json names all")
