"""`holdout renew`: replaces the images on which every candidate is judged."""

from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console

from perennial.cli.output import Json, json_option, print_result
from perennial.cli.training import progress_bars
from perennial.settings.settings import Settings
from perennial.state import open_existing_state

if TYPE_CHECKING:
    from transfer.holdout_renewal import RenewedHoldout


@click.group()
def holdout() -> None:
    """Replace the images on which every candidate is judged."""


@holdout.command()
@click.argument("source", metavar="SOURCE", type=click.Path(path_type=Path))
@json_option
def renew(source: Path, as_json: bool) -> None:
    """Make the images of SOURCE the golden images; the present ones return to training.

    For when the page says that they are overused: after many rounds, candidates suit the images that they
    are judged on. SOURCE is what `perennial train` reads, with images of each class that nobody has learnt.
    """
    # Imported only now, since it loads torch.
    from transfer.holdout_renewal import renew_holdout

    settings = Settings.load()
    with open_existing_state(settings) as state, progress_bars(as_json) as bars:
        renewed = renew_holdout(state, settings.train(), source, bars.on_read)
    print_result(_as_json(renewed), as_json=as_json, show=lambda out: _print(out, renewed))


def _as_json(renewed: "RenewedHoldout") -> Json:
    renewal = renewed.renewal
    return {
        "slice": renewal.slice,
        "replaced": list(renewal.ended),
        "num_golden": len(renewal.golden),
        "num_by_class": renewed.num_by_class,
        "num_near": renewed.num_near,
        "num_returned": len(renewal.returned),
        "num_set_aside": renewal.num_set_aside,
        "notes": list(renewed.notes),
        "left_out": [list(each) for each in renewed.left_out],
    }


def _print(console: Console, renewed: "RenewedHoldout") -> None:
    renewal = renewed.renewal
    fewest = min(renewed.num_by_class, key=renewed.num_by_class.__getitem__)
    console.print(
        f"{len(renewal.golden):,} images are golden from now on, {renewed.num_by_class[fewest]} of "
        f"{fewest!r} at the least. {len(renewal.returned):,} former ones return to training"
        + (
            f"; {renewal.num_set_aside:,} don't, as they are like images that judge"
            * bool(renewal.num_set_aside)
        )
        + "."
    )
    if renewed.num_near:
        console.print(f"{renewed.num_near:,} images are nearly the same as learnt ones, and were not taken.")
    for note in renewed.notes:
        console.print(note)
    for name, reason in renewed.left_out:
        console.print(f"Left out {name}: {reason}")
