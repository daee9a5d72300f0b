"""The experiment on random variants of few images: their accuracy, and their overfitting."""

from collections.abc import Sequence
from dataclasses import replace

from lab.charts import Chart, accuracy_bars, loss_chart
from lab.experiment import Conclusion, Experiment, Table
from lab.outcomes import Arm, ArmRuns, Measured, compare
from lab.seeds import Interval, interval_of, mean_of
from lab.sentences import comparison, describe_failures, listed, nothing_learnt, points, with_spread
from vision.augmentation import Level
from vision.charts import Bars, draw_bars
from vision.initial_weights import InitialWeights
from vision.transfer_settings import TransferSettings

NUM_PER_CLASS = 50
# Few images make few steps: at a rate of 0.001 training would end before anything is learnt.
LEARNING_RATE = 1e-2
NAMES: dict[Level, str] = {
    "none": "no variants",
    "gentle": "gentle variants",
    "basic": "basic variants",
    "strong": "strong variants",
}


def _arms(base: TransferSettings, networks: Sequence[InitialWeights]) -> list[Arm]:
    levels: tuple[Level, ...] = ("none", base.augmentation, "strong")
    return [
        Arm(
            NAMES[level],
            replace(base, augmentation=level, learning_rate=LEARNING_RATE),
            networks[0].words,
            phases=("everything",),
            num_per_class=NUM_PER_CLASS,
        )
        for level in levels
    ]


def conclude(measured: Measured) -> Conclusion:
    """Return whether variants help on the test images, and whether they close the gap to training images."""
    return Conclusion(_answer(measured), _table(measured), _charts(measured))


def gaps_of(measured: Measured, runs: ArmRuns) -> list[float]:
    """Return how much each training's accuracy on its own images is above that on the test images."""
    tests = runs.accuracies(measured.test)
    training = [outcome.training_accuracy for outcome in runs.finished]
    return [own - test for own, test in zip(training, tests, strict=True)]


def _answer(measured: Measured) -> tuple[str, ...]:
    nothing = nothing_learnt(measured)
    plain = measured.runs[0]
    varied = [runs for runs in measured.runs[1:] if runs.finished]
    if nothing or not plain.finished or not varied:
        return (*nothing, *describe_failures(measured))
    accuracies = [comparison(runs.name, plain.name, compare(runs, plain, measured.test)) for runs in varied]
    return (
        _conclusion(measured, plain, varied),
        *accuracies,
        *(_describe_gap(measured, runs, plain) for runs in varied),
        *describe_failures(measured),
    )


def _conclusion(measured: Measured, plain: ArmRuns, varied: list[ArmRuns]) -> str:
    gaps = gaps_of(measured, plain)
    gap = mean_of(gaps)
    head = f"Without variants the network is {points(gap)} {'better' if gap > 0 else 'worse'} on its own "
    head += f"training images than on the test ({with_spread(plain.accuracies(measured.test))} right)"
    if not _overfits(measured, plain):
        return f"{head}. Chance among the test images explains that much: there is no clear overfitting."
    if len(measured.seeds) < 2:
        return f"{head}: it overfits. One training of each can't show whether variants change that."
    narrower = [runs.name for runs in varied if _narrowing(measured, runs, plain) == "narrower"]
    better = [
        runs.name
        for runs in varied
        if (gain := compare(runs, plain, measured.test)) is not None and gain.is_clear and gain.mean > 0
    ]
    return f"{head}: it overfits. {_describe_remedy(narrower, better)}"


def _overfits(measured: Measured, runs: ArmRuns) -> bool:
    """Return whether the gap is more than chance among the test images."""
    training = mean_of([outcome.training_accuracy for outcome in runs.finished])
    gap = interval_of(training - runs.right(measured.test).mean(axis=0))
    return gap is not None and gap.low > 0


def _describe_remedy(narrower: list[str], better: list[str]) -> str:
    both = [name for name in narrower if name in better]
    if both:
        return f"{listed(both).capitalize()} reduce it: the gap is narrower and the accuracy higher."
    if better:
        return f"{listed(better).capitalize()} raise the accuracy, though the gap is not clearly narrower."
    if narrower:
        return (
            f"{listed(narrower).capitalize()} make the training images harder to memorise, but the accuracy "
            "on the test images is not clearly higher."
        )
    return "Variants change neither the gap nor the accuracy by more than the spread."


def _describe_gap(measured: Measured, runs: ArmRuns, plain: ArmRuns) -> str:
    gap, own = mean_of(gaps_of(measured, runs)), mean_of(gaps_of(measured, plain))
    verdict = _narrowing(measured, runs, plain)
    clearly = {"narrower": "clearly narrower", "wider": "clearly wider"}.get(verdict, "not clearly different")
    than = "from" if verdict == "alike" else "than"
    return (
        f"With {runs.name} the gap is {100 * gap:.1f} points, {clearly} {than} the {100 * own:.1f} without."
    )


def _narrowing(measured: Measured, runs: ArmRuns, plain: ArmRuns) -> str:
    change = _gap_change(measured, runs, plain)
    if change is None or not change.excludes_zero:
        return "alike"
    return "narrower" if change.mean < 0 else "wider"


def _gap_change(measured: Measured, runs: ArmRuns, plain: ArmRuns) -> Interval | None:
    own = dict(zip(plain.seeds, gaps_of(measured, plain), strict=True))
    gaps = dict(zip(runs.seeds, gaps_of(measured, runs), strict=True))
    return interval_of([gaps[seed] - own[seed] for seed in gaps if seed in own])


def _table(measured: Measured) -> Table:
    columns = ("training images", "training accuracy", "test accuracy", "gap", "seconds to train")
    rows = [
        (
            runs.name,
            with_spread([outcome.training_accuracy for outcome in runs.finished]),
            with_spread(runs.accuracies(measured.test)),
            with_spread(gaps_of(measured, runs), unit=" points"),
            with_spread([outcome.seconds for outcome in runs.finished], unit=" s", factor=1),
        )
        for runs in measured.runs
    ]
    return Table(columns, tuple(rows))


def _charts(measured: Measured) -> tuple[Chart, ...]:
    losses = loss_chart(
        measured,
        "One pair of lines for each seed. The training loss is of varied images, so it may be above the "
        "validation loss.",
    )
    if not measured.usable:
        return (losses,)
    gaps = Bars(
        "gap: training − test (points)",
        [[100 * gap for gap in gaps_of(measured, runs)] for runs in measured.runs],
    )
    bars = draw_bars([runs.name for runs in measured.runs], [accuracy_bars(measured), gaps])
    caption = "The gap is the accuracy on plain training images, minus the accuracy on test images."
    return (Chart("Accuracy and gap", bars, caption), losses)


EXPERIMENT = Experiment(
    epochs=12,
    description=(
        f"There are at most {NUM_PER_CLASS} training images of each class. The network is trained completely "
        "from the first step under a random head, by SGD with momentum 0.9 at a constant rate of "
        f"{LEARNING_RATE:g}: a head that is solved on the plain images would hide what variants do. The "
        "experiment compares plain images, the variants that suit them (basic: crops and mirror images; "
        "gentle: crops alone, for digits and text), and strong variants: smaller crops, mirror images, "
        "rotations up to 15 degrees and jittered brightness, contrast and saturation. Accuracies are of the "
        "best epoch on validation."
    ),
    arms=_arms,
    conclude=conclude,
)
