"""What `train` tells of a finished training: tables for people, JSON for machines."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.console import Console

from perennial.cli.audience import in_points, table
from perennial.trials import spread

if TYPE_CHECKING:
    from perennial.ensemble_gain import EnsembleGain, Pair
    from perennial.source_training import Request, TrainedSource
    from perennial.trials import Trials

_NUM_NAMED = 5


def as_json(found: "TrainedSource") -> dict[str, Any]:
    """Return all figures of a training."""
    trained = found.trained
    trials = trained.trials
    return {
        "version": trained.version.version,
        "parent": trained.version.parent,
        "lineage": trained.version.lineage,
        "classes": list(trained.version.class_names),
        "metrics": trained.version.metrics,
        "class_accuracy": trained.class_accuracy,
        "num_train": len(found.imported.train),
        "num_validation": len(found.imported.validation),
        "num_golden": trained.num_golden,
        "num_unlabelled": len(found.unlabelled or ()),
        "num_near_duplicates": found.imported.num_moved,
        "left_out": [[name, reason] for name, reason in found.left_out],
        "warnings": list(found.warnings),
        "margin": trained.margin,
        "golden_needed": trained.golden_needed,
        "curves": str(found.curves_file),
        "repeats": _repeats_as_json(trials),
        "strategies": [asdict(tried) for tried in trials.tried],
        "ensemble": None if trained.gain is None else asdict(trained.gain),
    }


def tell(out: Console, request: "Request", found: "TrainedSource") -> None:
    """Print what a person wants to know of a training."""
    trained = found.trained
    result, judgement = trained.trials.result, trained.trials.judgement
    rows = table("class", "golden images right", title=f"{trained.version.version} is in production")
    for name, accuracy in trained.class_accuracy.items():
        rows.add_row(name, in_points(accuracy))
    rows.add_section()
    rows.add_row("all", f"{in_points(judgement.accuracy)} of {trained.num_golden}")
    rows.add_row("validation", in_points(result.validation_accuracy))
    out.print(rows)
    out.print(
        f"Confidence on golden images is off by {in_points(judgement.calibration_error)} on the mean "
        f"(expected calibration error; {in_points(judgement.uncalibrated_error)} before the temperature "
        f"of {result.artifact.temperature:.2f})."
    )
    tried = "penalties" if result.strategy == "linear_probe" else "epochs"
    adapted = "".join(f"{name.replace('_', ' ')}, " for name in result.adaptations)
    out.print(
        f"{result.artifact.backbone}, {result.strategy.replace('_', ' ')}, "
        f"{'adapted by ' if adapted else ''}{adapted}"
        f"{result.artifact.preprocessing.image_size} px, best of {len(result.epochs)} {tried}: "
        f"{result.best_epoch} ({result.diagnosis}). Curves: {found.curves_file}"
    )
    _tell_strategies(out, trained.trials)
    _tell_repeats(out, trained.trials)
    if trained.gain is not None:
        _tell_ensemble(out, trained.gain)
    _tell_cuts(out, found)
    if trained.golden_needed is not None:
        out.print(
            f"Warning: the golden set has {trained.num_golden} images, so the gate lets a "
            f"candidate lose up to {100 * trained.margin:.1f} points on old data unseen. "
            f"{trained.golden_needed} golden images would make it 2: add images to {request.source}, or a "
            "val part, and train again.",
            style="yellow",
        )
    out.print("Serve it: perennial up")


def _tell_strategies(out: Console, trials: "Trials") -> None:
    if not trials.tried:
        return
    rows = table("strategy", "validation loss", "validation right", "seconds", "")
    for each in trials.tried:
        rows.add_row(
            each.strategy.replace("_", " "),
            f"{each.loss:.3f}",
            in_points(each.accuracy),
            f"{each.seconds:.0f}",
            "kept" if each.is_chosen else "",
        )
    out.print(rows)
    out.print("Kept is the cheapest strategy whose loss is within one standard error of the lowest.")


def _tell_repeats(out: Console, trials: "Trials") -> None:
    if len(trials.repeats) == 1:
        return
    rows = table("seed", "strategy", "validation right", "golden images right", "")
    for each in trials.repeats:
        rows.add_row(
            str(each.seed),
            each.strategy.replace("_", " "),
            in_points(each.validation_accuracy),
            in_points(each.golden_accuracy),
            "in production" if each.seed == trials.chosen_seed else "",
        )
    rows.add_section()
    validation, golden = _spreads(trials)
    rows.add_row("mean ± deviation", "", _with_deviation(validation), _with_deviation(golden), "")
    out.print(rows)
    out.print(
        "In production is the seed with the best validation figure, which is partly luck: the mean over the "
        "seeds on golden images is the honest figure."
    )
    if golden[1] == validation[1] == 0:
        out.print("All seeds gave the same: nothing in this training is random.")


def _tell_ensemble(out: Console, gain: "EnsembleGain") -> None:
    rows = table("", "one member", f"ensemble of {gain.num_members}", "")
    for name, pair in (("validation right", gain.validation), ("golden images right", gain.golden)):
        difference = f"{100 * (pair.ensemble - pair.one):+.1f} points"
        rows.add_row(name, in_points(pair.one), in_points(pair.ensemble), difference)
    for batch_size, pair in gain.milliseconds.items():
        name = f"milliseconds an image, {batch_size} at a time"
        rows.add_row(name, f"{pair.one:.1f}", f"{pair.ensemble:.1f}", _times(pair))
    millions = f"{gain.num_parameters.one / 1e6:.2f}", f"{gain.num_parameters.ensemble / 1e6:.2f}"
    rows.add_row("million parameters", *millions, _times(gain.num_parameters))
    out.print(rows)
    if gain.plain_golden is not None:
        out.print(
            "The members learnt from resamples. One linear probe on all images is right about "
            f"{in_points(gain.plain_validation)} of validation and {in_points(gain.plain_golden)} of golden "
            "images."
        )
    if not gain.is_worth_it:
        out.print(
            "Warning: the ensemble is right no more often than one network. Train without --ensemble to "
            "save its cost.",
            style="yellow",
        )


def _times(pair: "Pair") -> str:
    return f"× {pair.ensemble / pair.one:.2f}"


def _tell_cuts(out: Console, found: "TrainedSource") -> None:
    imported = found.imported
    out.print(
        f"{len(imported.train)} images to train, {len(imported.validation)} to validate, "
        f"{len(imported.golden)} golden (never learnt from)."
    )
    if found.unlabelled is not None:
        out.print(
            f"{len(found.unlabelled)} unlabelled images of the target were learnt from, and not stored; "
            f"{len(found.unlabelled.unreadable)} could not be read."
        )
    if imported.num_moved:
        out.print(
            f"{imported.num_moved} images are nearly the same as one of another part, and were kept on "
            "one side with it."
        )
    for name, reason in found.left_out[:_NUM_NAMED]:
        out.print(f"left out: {name}: {reason}")
    if len(found.left_out) > _NUM_NAMED:
        out.print(f"left out: {len(found.left_out) - _NUM_NAMED} more; --json names all")


def _repeats_as_json(trials: "Trials") -> dict[str, Any]:
    (validation_mean, validation_deviation), (golden_mean, golden_deviation) = _spreads(trials)
    return {
        "each": [asdict(repeat) for repeat in trials.repeats],
        "chosen_seed": trials.chosen_seed,
        "validation_mean": validation_mean,
        "validation_deviation": validation_deviation,
        "golden_mean": golden_mean,
        "golden_deviation": golden_deviation,
    }


def _spreads(trials: "Trials") -> tuple[tuple[float, float | None], tuple[float, float | None]]:
    return (
        spread([repeat.validation_accuracy for repeat in trials.repeats]),
        spread([repeat.golden_accuracy for repeat in trials.repeats]),
    )


def _with_deviation(figure: tuple[float, float | None]) -> str:
    mean, deviation = figure
    return f"{in_points(mean)} ± {100 * (deviation or 0.0):.1f}"
