"""Reports a finished training: as tables for people, as JSON for machines."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.console import Console

from perennial.cli.output import as_percent, shortened, table
from store.versions import CURVES
from transfer.training_runs import spread
from vision.training.diagnosis import ADVICE

if TYPE_CHECKING:
    from transfer.ensemble_gain import EnsembleGain, Pair
    from transfer.trained_source import TrainedSource, TrainRequest
    from transfer.training_runs import TrainingRuns

_NUM_NAMED = 5


def as_json(source: "TrainedSource") -> dict[str, Any]:
    """Return all figures of a training."""
    trained = source.trained
    runs = trained.runs
    return {
        "version": trained.version.version,
        "parent": trained.version.parent,
        "lineage": trained.version.lineage,
        "classes": list(trained.version.class_names),
        "metrics": {name: value for name, value in trained.version.metrics.items() if name != CURVES},
        "started_from": source.start.words,
        "diagnosis": {"name": runs.result.diagnosis, "advice": ADVICE[runs.result.diagnosis]},
        "class_accuracy": {name: trained.class_accuracy.get(name) for name in trained.version.class_names},
        "num_train": len(source.imported.train),
        "num_validation": len(source.imported.validation),
        "num_golden": trained.num_golden,
        "num_unlabelled": len(source.unlabelled or ()),
        "num_near_duplicates": source.imported.num_moved,
        "left_out": [[name, reason] for name, reason in source.left_out],
        "warnings": list(source.warnings),
        "margin": trained.margin,
        "golden_needed": trained.golden_needed,
        "curves": str(source.curves_file),
        "repeats": _repeats_as_json(runs),
        "strategies": [asdict(result) for result in runs.by_strategy],
        "ensemble": None if trained.gain is None else asdict(trained.gain),
    }


def print_report(out: Console, request: "TrainRequest", source: "TrainedSource") -> None:
    """Print the figures of a training for people."""
    trained = source.trained
    result, evaluation = trained.runs.result, trained.runs.evaluation
    rows = table("class", "golden images right", title=f"{trained.version.version} is in production")
    for name in trained.version.class_names:
        accuracy = trained.class_accuracy.get(name)
        rows.add_row(shortened(name), "– (no golden image)" if accuracy is None else as_percent(accuracy))
    rows.add_section()
    rows.add_row("all", f"{as_percent(evaluation.accuracy)} of {trained.num_golden}")
    if evaluation.top5_accuracy is not None:
        rows.add_row("all, in the top five", as_percent(evaluation.top5_accuracy))
    rows.add_row("validation", as_percent(result.validation_accuracy))
    out.print(rows)
    out.print(
        f"Confidence on golden images is off by {as_percent(evaluation.calibration_error)} on average "
        f"(expected calibration error; {as_percent(evaluation.uncalibrated_error)} before the temperature "
        f"of {result.artifact.temperature:.2f})."
    )
    choices = "penalties" if result.strategy == "linear_probe" else "epochs"
    adapted = "".join(f"{name.replace('_', ' ')}, " for name in result.adaptations)
    out.print(
        f"{result.artifact.backbone} from {source.start.words}, {result.strategy.replace('_', ' ')}, "
        f"{'adapted by ' if adapted else ''}{adapted}"
        f"{result.artifact.preprocessing.image_size} px, best of {len(result.epochs)} {choices}: "
        f"{result.best_epoch}. Curves: {source.curves_file}"
    )
    out.print(f"Diagnosis: {result.diagnosis} – {ADVICE[result.diagnosis]}.")
    _print_strategies(out, trained.runs)
    _print_seeds(out, trained.runs)
    if trained.gain is not None:
        _print_ensemble(out, trained.gain)
    _print_cuts(out, source)
    if trained.golden_needed is not None:
        out.print(
            f"Warning: the golden set has {trained.num_golden} images, so the gate can't see a "
            f"candidate's loss of up to {100 * trained.margin:.1f} points on old data. "
            f"{trained.golden_needed} golden images would make it 2: add images to {request.source}, or a "
            "val part, and train again.",
            style="yellow",
        )
    out.print("A running server swaps to it by itself. To start one: perennial up")


def _print_strategies(out: Console, runs: "TrainingRuns") -> None:
    if not runs.by_strategy:
        return
    rows = table("strategy", "validation loss", "validation right", "seconds", "")
    for each in runs.by_strategy:
        rows.add_row(
            each.strategy.replace("_", " "),
            f"{each.loss:.3f}",
            as_percent(each.accuracy),
            f"{each.seconds:.0f}",
            "kept" if each.is_chosen else "",
        )
    out.print(rows)
    out.print("The strategy kept is the cheapest whose loss is within one standard error of the lowest.")


def _print_seeds(out: Console, runs: "TrainingRuns") -> None:
    if len(runs.by_seed) == 1:
        return
    rows = table("seed", "strategy", "validation right", "golden images right", "")
    for each in runs.by_seed:
        rows.add_row(
            str(each.seed),
            each.strategy.replace("_", " "),
            as_percent(each.validation_accuracy),
            as_percent(each.golden_accuracy),
            "in production" if each.seed == runs.chosen_seed else "",
        )
    rows.add_section()
    validation, golden = _spreads(runs)
    rows.add_row("mean ± deviation", "", _with_deviation(validation), _with_deviation(golden), "")
    out.print(rows)
    out.print(
        "The seed with the best validation figure is in production, which is partly luck: the mean over the "
        "seeds on golden images is the honest figure."
    )
    if golden[1] == validation[1] == 0:
        out.print("All seeds gave the same: nothing in this training is random.")


def _print_ensemble(out: Console, gain: "EnsembleGain") -> None:
    rows = table("", "one member", f"ensemble of {gain.num_members}", "")
    for name, pair in (("validation right", gain.validation), ("golden images right", gain.golden)):
        difference = f"{100 * (pair.ensemble - pair.one):+.1f} points"
        rows.add_row(name, as_percent(pair.one), as_percent(pair.ensemble), difference)
    for batch_size, pair in gain.milliseconds.items():
        name = f"milliseconds an image, {batch_size} at a time"
        rows.add_row(name, f"{pair.one:.1f}", f"{pair.ensemble:.1f}", _times(pair))
    millions = f"{gain.num_parameters.one / 1e6:.2f}", f"{gain.num_parameters.ensemble / 1e6:.2f}"
    rows.add_row("million parameters", *millions, _times(gain.num_parameters))
    out.print(rows)
    if gain.plain_golden is not None:
        out.print(
            "Each member learnt from a resample of the images. One linear probe on all images is right on "
            f"{as_percent(gain.plain_validation)} of validation images and on "
            f"{as_percent(gain.plain_golden)} of golden images."
        )
    if not gain.is_worth_it:
        out.print(
            "Warning: the ensemble is no more accurate than one network. Train without --ensemble to save "
            "its cost.",
            style="yellow",
        )


def _times(pair: "Pair") -> str:
    return f"× {pair.ensemble / pair.one:.2f}"


def _print_cuts(out: Console, source: "TrainedSource") -> None:
    imported = source.imported
    out.print(
        f"{len(imported.train)} images to train, {len(imported.validation)} to validate, "
        f"{len(imported.golden)} golden (never learnt from)."
    )
    if source.unlabelled is not None:
        out.print(
            f"{len(source.unlabelled)} unlabelled images of the target were learnt from, and not stored; "
            f"{len(source.unlabelled.unreadable)} could not be read."
        )
    if imported.num_moved:
        out.print(
            f"{imported.num_moved} images are nearly the same as one of another part, and joined that part."
        )
    for name, reason in source.left_out[:_NUM_NAMED]:
        out.print(f"left out: {name}: {reason}")
    if len(source.left_out) > _NUM_NAMED:
        out.print(f"left out: {len(source.left_out) - _NUM_NAMED} more; --json names all")


def _repeats_as_json(runs: "TrainingRuns") -> dict[str, Any]:
    (validation_mean, validation_deviation), (golden_mean, golden_deviation) = _spreads(runs)
    return {
        "each": [asdict(result) for result in runs.by_seed],
        "chosen_seed": runs.chosen_seed,
        "validation_mean": validation_mean,
        "validation_deviation": validation_deviation,
        "golden_mean": golden_mean,
        "golden_deviation": golden_deviation,
    }


def _spreads(runs: "TrainingRuns") -> tuple[tuple[float, float | None], tuple[float, float | None]]:
    return (
        spread([result.validation_accuracy for result in runs.by_seed]),
        spread([result.golden_accuracy for result in runs.by_seed]),
    )


def _with_deviation(figure: tuple[float, float | None]) -> str:
    mean, deviation = figure
    return f"{as_percent(mean)} ± {100 * (deviation or 0.0):.1f}"
