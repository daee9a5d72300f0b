"""The experiment on networks: which one's features do best, at which price."""

from dataclasses import replace

from perennial.lab.arms import Arm
from perennial.lab.choosing import choice_told, quickest_unbeaten
from perennial.lab.exercise import Exercise, Setup
from perennial.lab.findings import Chart, Findings, Table
from perennial.lab.outcomes import ArmRuns, Measured
from perennial.lab.seeds import mean_of
from perennial.lab.standard_charts import accuracy_bars, seconds_bars
from perennial.lab.wording import exceptions, listed, nothing_learnt, with_spread
from vision.charts import Bars, draw_bars
from vision.network import build_empty_classifier

BACKBONES = ("resnet18", "resnet50", "mobilenet_v3_small", "efficientnet_lite0")


def _arms(setup: Setup) -> list[Arm]:
    # Without pretrained features a probe would judge random ones.
    return [
        Arm(
            start.backbone,
            replace(
                setup.base,
                backbone=start.backbone,
                weights=start.weights,
                strategy="full" if start.weights == "none" else "linear_probe",
            ),
            start.words,
        )
        for start in setup.starts
    ]


def find(measured: Measured) -> Findings:
    """Return which network to take, and what each started from."""
    return Findings(_answer(measured), _table(measured), _charts(measured))


def _answer(measured: Measured) -> tuple[str, ...]:
    nothing = nothing_learnt(measured)
    if nothing:
        return (*nothing, *_starts_told(measured))
    chosen = quickest_unbeaten(measured)
    return (
        *choice_told(measured, chosen),
        *_starts_told(measured),
        *_quickest_told(measured),
        *exceptions(measured),
    )


def _starts_told(measured: Measured) -> tuple[str, ...]:
    names: dict[str, list[str]] = {}
    for runs in measured.runs:
        names.setdefault(runs.arm.start, []).append(runs.name)
    if len(names) == 1:
        return (f"All of them started from {next(iter(names))}.",)
    told = "; ".join(f"{listed(own)} from {start}" for start, own in names.items())
    return (f"They did not start alike: {told}. So the figures compare starts as much as networks.",)


def _quickest_told(measured: Measured) -> tuple[str, ...]:
    ordered = sorted(measured.usable, key=_milliseconds)
    if len(ordered) < 2:
        return ()
    first, last = ordered[0], ordered[-1]
    return (
        f"{first.name} is the quickest to ask, with {_milliseconds(first):.1f} ms an image; {last.name} "
        f"takes {_milliseconds(last):.1f} ms.",
    )


def _milliseconds(runs: ArmRuns) -> float:
    return mean_of([outcome.milliseconds for outcome in runs.finished])


def _num_parameters(measured: Measured, runs: ArmRuns) -> int:
    network = build_empty_classifier(runs.name, len(measured.images.class_names))
    return sum(parameter.numel() for parameter in network.parameters())


def _table(measured: Measured) -> Table:
    columns = (
        "network", "started from", "trained", "parameters", "test accuracy", "seconds to train",
        "milliseconds an image",
    )  # fmt: skip
    rows = [
        (
            runs.name,
            runs.arm.start,
            "everything" if runs.arm.settings.strategy == "full" else "the head",
            f"{_num_parameters(measured, runs):,}",
            with_spread(runs.accuracies(measured.test)),
            with_spread([outcome.seconds for outcome in runs.finished], unit=" s", factor=1),
            with_spread([outcome.milliseconds for outcome in runs.finished], unit=" ms", factor=1),
        )
        for runs in measured.runs
    ]
    return Table(columns, tuple(rows))


def _charts(measured: Measured) -> tuple[Chart, ...]:
    if not measured.usable:
        return ()
    milliseconds = Bars(
        "one image (ms)", [[outcome.milliseconds for outcome in runs.finished] for runs in measured.runs]
    )
    names = [f"{runs.name}\n({runs.arm.start})" for runs in measured.runs]
    bars = draw_bars(names, [accuracy_bars(measured), seconds_bars(measured), milliseconds])
    return (Chart("What each gives and costs", bars, "Under each network, what it started from."),)


EXERCISE = Exercise(
    epochs=8,
    describe=(
        "Of pretrained networks a head is solved on the frozen features (a linear probe); a network without "
        "pretrained weights is trained whole, from random ones, for the epochs given. One image's time is "
        "the median of single forwards on this machine, without decoding."
    ),
    arms=_arms,
    find=find,
    backbones=BACKBONES,
)
