"""The experiment on networks: which one's features are the most accurate, and what it costs."""

from collections.abc import Sequence
from dataclasses import replace

from lab.charts import Chart, accuracy_bars, seconds_bars
from lab.choosing import cheapest_unbeaten, describe_choice
from lab.experiment import Conclusion, Experiment, Table
from lab.outcomes import Arm, ArmRuns, Measured
from lab.seeds import mean_of
from lab.sentences import describe_failures, listed, nothing_learnt, with_spread
from vision.charts import Bars, draw_bars
from vision.initial_weights import InitialWeights
from vision.network import build_empty_classifier
from vision.transfer_settings import TransferSettings

BACKBONES = ("resnet18", "resnet50", "mobilenet_v3_small", "efficientnet_lite0")


def _arms(base: TransferSettings, networks: Sequence[InitialWeights]) -> list[Arm]:
    # Without pretrained weights a probe would measure random features.
    return [
        Arm(
            network.backbone,
            replace(
                base,
                backbone=network.backbone,
                weights=network.weights,
                strategy="full" if network.weights == "none" else "linear_probe",
            ),
            network.words,
        )
        for network in networks
    ]


def conclude(measured: Measured) -> Conclusion:
    """Return which network to use, and what each started from."""
    return Conclusion(_answer(measured), _table(measured), _charts(measured))


def _answer(measured: Measured) -> tuple[str, ...]:
    nothing = nothing_learnt(measured)
    if nothing:
        return (*nothing, *_describe_initial_weights(measured))
    chosen = cheapest_unbeaten(measured)
    return (
        *describe_choice(measured, chosen),
        *_describe_initial_weights(measured),
        *_describe_quickest(measured),
        *describe_failures(measured),
    )


def _describe_initial_weights(measured: Measured) -> tuple[str, ...]:
    names: dict[str, list[str]] = {}
    for runs in measured.runs:
        names.setdefault(runs.arm.initial_weights, []).append(runs.name)
    if len(names) == 1:
        return (f"All of them started from {next(iter(names))}.",)
    starts = "; ".join(f"{listed(own)} from {weights}" for weights, own in names.items())
    return (f"They did not start alike: {starts}. So the figures compare weights as much as networks.",)


def _describe_quickest(measured: Measured) -> tuple[str, ...]:
    ordered = sorted(measured.usable, key=_milliseconds)
    if len(ordered) < 2:
        return ()
    first, last = ordered[0], ordered[-1]
    return (
        f"{first.name} predicts the fastest, with {_milliseconds(first):.1f} ms an image; {last.name} "
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
            runs.arm.initial_weights,
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
    names = [f"{runs.name}\n({runs.arm.initial_weights})" for runs in measured.runs]
    bars = draw_bars(names, [accuracy_bars(measured), seconds_bars(measured), milliseconds])
    return (Chart("Accuracy and costs", bars, "Each network's initial weights are below its name."),)


EXPERIMENT = Experiment(
    epochs=8,
    description=(
        "For a pretrained network, a head is solved on the frozen features (a linear probe). A network "
        "without pretrained weights is trained completely, from random ones, for the epochs given. One "
        "image's time is the median of single forwards on this machine, without decoding."
    ),
    arms=_arms,
    conclude=conclude,
    backbones=BACKBONES,
)
