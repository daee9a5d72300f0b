"""The experiment on random variants of few images: accuracy, and how much is learnt by heart."""

from dataclasses import replace

from perennial.lab.arms import Arm
from perennial.lab.exercise import Exercise, Setup
from perennial.lab.findings import Chart, Findings, Table
from perennial.lab.outcomes import ArmRuns, Measured, compare
from perennial.lab.seeds import Interval, interval_of, mean_of
from perennial.lab.standard_charts import accuracy_bars, loss_chart
from perennial.lab.wording import compared, exceptions, listed, nothing_learnt, points, with_spread
from vision.augmentation import Level
from vision.charts import Bars, draw_bars

NUM_PER_CLASS = 50
# So few images are so few steps: at a rate of 0.001 they would end before anything is learnt.
LEARNING_RATE = 1e-2
NAMES: dict[Level, str] = {
    "none": "no variants",
    "gentle": "gentle variants",
    "basic": "basic variants",
    "strong": "strong variants",
}


def _arms(setup: Setup) -> list[Arm]:
    levels: tuple[Level, ...] = ("none", setup.images.augmentation, "strong")
    return [
        Arm(
            NAMES[level],
            replace(setup.base, augmentation=level, learning_rate=LEARNING_RATE),
            setup.start.words,
            has_fresh_head=True,
            num_per_class=NUM_PER_CLASS,
        )
        for level in levels
    ]


def find(measured: Measured) -> Findings:
    """Return whether variants help on the test images, and whether they close the gap."""
    return Findings(_answer(measured), _table(measured), _charts(measured))


def gaps_of(measured: Measured, runs: ArmRuns) -> list[float]:
    """Return by how much each training's accuracy on its own images is above that on the test."""
    tests = runs.accuracies(measured.test)
    own = [outcome.training_accuracy for outcome in runs.finished]
    return [known - unknown for known, unknown in zip(own, tests, strict=True)]


def _answer(measured: Measured) -> tuple[str, ...]:
    nothing = nothing_learnt(measured)
    plain = measured.runs[0]
    varied = [runs for runs in measured.runs[1:] if runs.finished]
    if nothing or not plain.finished or not varied:
        return (*nothing, *exceptions(measured))
    accuracies = [compared(runs.name, plain.name, compare(runs, plain, measured.test)) for runs in varied]
    return (
        _conclusion(measured, plain, varied),
        *accuracies,
        *(_gap_told(measured, runs, plain) for runs in varied),
        *exceptions(measured),
    )


def _conclusion(measured: Measured, plain: ArmRuns, varied: list[ArmRuns]) -> str:
    gaps = gaps_of(measured, plain)
    gap = mean_of(gaps)
    head = f"Without variants the network is {points(gap)} {'better' if gap > 0 else 'worse'} on its own "
    head += f"training images than on the test ({with_spread(plain.accuracies(measured.test))} right)"
    if not _overfits(measured, plain):
        return f"{head}. That is no more than the luck of the test images: no overfitting is to be seen."
    if len(measured.seeds) < 2:
        return f"{head}: it overfits. One training of each can't tell whether variants change that."
    narrower = [runs.name for runs in varied if _narrowing(measured, runs, plain) == "narrower"]
    better = [
        runs.name
        for runs in varied
        if (found := compare(runs, plain, measured.test)) is not None and found.is_clear and found.mean > 0
    ]
    return f"{head}: it overfits. {_cure(narrower, better)}"


def _overfits(measured: Measured, runs: ArmRuns) -> bool:
    """Return whether the gap is more than the luck of which images the test holds."""
    known = mean_of([outcome.training_accuracy for outcome in runs.finished])
    gap = interval_of(known - runs.right(measured.test).mean(axis=0))
    return gap is not None and gap.low > 0


def _cure(narrower: list[str], better: list[str]) -> str:
    both = [name for name in narrower if name in better]
    if both:
        return f"{listed(both).capitalize()} cure a part of it: the gap is narrower and the accuracy higher."
    if better:
        return f"{listed(better).capitalize()} raise the accuracy, though the gap is not clearly narrower."
    if narrower:
        return (
            f"{listed(narrower).capitalize()} make the training images harder to learn by heart, but the "
            "test images gain nothing that counts."
        )
    return "Variants change neither the gap nor the accuracy by more than the spread."


def _gap_told(measured: Measured, runs: ArmRuns, plain: ArmRuns) -> str:
    gap, own = mean_of(gaps_of(measured, runs)), mean_of(gaps_of(measured, plain))
    verdict = _narrowing(measured, runs, plain)
    clearly = {"narrower": "clearly narrower", "wider": "clearly wider"}.get(verdict, "not clearly another")
    return f"With {runs.name} the gap is {100 * gap:.1f} points, {clearly} than the {100 * own:.1f} without."


def _narrowing(measured: Measured, runs: ArmRuns, plain: ArmRuns) -> str:
    found = _gap_change(measured, runs, plain)
    if found is None or not found.excludes_zero:
        return "alike"
    return "narrower" if found.mean < 0 else "wider"


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
        "One pair of lines for each seed. The training loss is of the images as they were varied, so it may "
        "lie above the validation loss.",
    )
    if not measured.usable:
        return (losses,)
    gaps = Bars(
        "gap: training − test (points)",
        [[100 * gap for gap in gaps_of(measured, runs)] for runs in measured.runs],
    )
    bars = draw_bars([runs.name for runs in measured.runs], [accuracy_bars(measured), gaps])
    caption = "The gap is the accuracy on the training images as they are served, less that on the test."
    return (Chart("Accuracy and gap", bars, caption), losses)


EXERCISE = Exercise(
    epochs=12,
    describe=(
        f"At most {NUM_PER_CLASS} training images of each class; the whole network is trained from the first "
        f"step under a random head, by SGD with momentum 0.9 at a constant rate of {LEARNING_RATE:g}: a head "
        "that was solved on the images as they are would hide what variants do. Compared are images as they "
        "are, the variants that suit them (basic: crops and mirror images; gentle: crops alone, for digits "
        "and text), and strong ones: smaller crops, mirror images and jittered brightness, contrast and "
        "saturation. Accuracies are of the epoch that was best on validation."
    ),
    arms=_arms,
    find=find,
)
