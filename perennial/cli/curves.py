"""Prints how a training went, epoch by epoch, with its diagnosis and what to do about it."""

from rich.console import Console

from monitoring.answers.rounds import Curves
from perennial.cli.output import as_percent, table


def print_curves(console: Console, curves: Curves) -> None:
    """Print the losses and accuracies of each epoch; the one that was kept is marked."""
    best, unit = curves.get("best_epoch"), curves.get("unit", "epoch")
    rows = table(unit, "training loss", "validation loss", "training right", "validation right", "")
    for epoch in curves.get("epochs", []):
        losses = epoch.get("training_loss"), epoch.get("validation_loss")
        rows.add_row(
            str(epoch.get("epoch", "")),
            *("–" if loss is None else f"{loss:.3f}" for loss in losses),
            as_percent(epoch.get("training_accuracy")),
            as_percent(epoch.get("validation_accuracy")),
            "kept" if epoch.get("epoch") == best else "",
        )
    console.print(rows)
    diagnosis, advice = curves.get("diagnosis"), curves.get("advice")
    if diagnosis is not None:
        console.print(f"Diagnosis: {diagnosis}{f' – {advice}' if advice else ''}.")
