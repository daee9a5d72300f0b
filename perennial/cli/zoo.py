"""`zoo`: the networks to choose from, with what each costs and how accurate it is."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import click
from rich.console import Console

from perennial.cli.output import as_percent, json_option, print_result, table

Row = dict[str, Any]


@click.command()
@click.argument("names", metavar="[BACKBONE]...", nargs=-1)
@click.option("--measure", is_flag=True, help="Also measure the time of one image here, by torch on the CPU.")
@json_option
def zoo(names: Sequence[str], measure: bool, as_json: bool) -> None:
    """List the backbones that `train --backbone` knows.

    With names it lists only these. Sizes and accuracies on ImageNet are those of the weights' own metadata.
    """
    # Imported only now, since they load torch.
    from vision.zoo import ZOO, facts_of, find_backbone

    rows = [asdict(facts_of(find_backbone(name))) for name in names or ZOO]
    if measure:
        for row in rows:
            row["milliseconds"] = _milliseconds(row["name"], row["image_size"])
    print_result({"backbones": rows}, as_json=as_json, show=lambda out: _print(out, rows, measure))


def _milliseconds(name: str, image_size: int) -> float:
    from vision.network import build_classifier
    from vision.timing import milliseconds_an_image

    # The time does not depend on the weights.
    [milliseconds] = milliseconds_an_image([build_classifier(name, 1000).eval()], image_size, 1)
    return round(milliseconds, 1)


def _print(out: Console, rows: Sequence[Row], is_measured: bool) -> None:
    listed = table(
        "backbone", "parameters", "MB", "top-1", "top-5", "pixels", "here", *(["ms"] if is_measured else [])
    )
    for row in rows:
        listed.add_row(
            row["name"],
            f"{row['num_parameters'] / 1e6:.1f} M",
            f"{row['megabytes']:.0f}",
            as_percent(row["top1"]),
            as_percent(row["top5"]),
            str(row["image_size"]),
            "yes" if row["is_here"] else "",
            *([f"{row['milliseconds']:.1f}"] if is_measured else []),
        )
    out.print(listed)
    out.print(
        "Accuracies are on ImageNet. Weights that are not here are downloaded at the first use. "
        "Train one: perennial train DIR --backbone NAME"
    )
