"""The experiment on images that look otherwise than those learnt from, and on what wins accuracy back."""

import io
from collections.abc import Sequence
from dataclasses import replace

from PIL import Image

from perennial.lab.arms import Arm
from perennial.lab.choosing import seconds_of
from perennial.lab.exercise import Exercise, Setup
from perennial.lab.findings import Chart, Findings, Table
from perennial.lab.images import LabImages, Pair, encoded
from perennial.lab.outcomes import ArmRuns, Measured, compare
from perennial.lab.seeds import Difference, mean_of
from perennial.lab.standard_charts import accuracy_bars, seconds_bars
from perennial.lab.wording import exceptions, listed, nothing_learnt, percent, points, quoted, with_spread
from vision.adaptation.table import ADAPTATIONS, Adaptation
from vision.charts import draw_bars
from vision.decoding import ImageLimits
from vision.shifts import shifted

CLEAN, SHIFTED = "clean", "shifted"
NONE = "no adaptation"
# One in so many of the test images is shown without its label instead.
_SHOWN = 2


def prepare(images: LabImages, limits: ImageLimits) -> LabImages:
    """Show half of the test images, shifted and without labels; judge on the others, clean and shifted."""
    order = sorted(range(len(images.test)), key=lambda index: images.test[index][1])
    shown = [images.test[index] for index in order[::_SHOWN]]
    judged = [images.test[index] for place, index in enumerate(order) if place % _SHOWN]
    return replace(
        images,
        tests={CLEAN: judged, SHIFTED: _shifted(judged, 0)},
        unlabelled=_shifted(shown, 1),
        notes=(
            *images.notes,
            "Shifted images have lost their colours, are noisy and stand in orange light. Adaptations that "
            "learn from the target without labels see other images of it than those that are judged on.",
        ),
    )


def _shifted(pairs: Sequence[Pair], part: int) -> list[Pair]:
    moved = []
    for index, (content, label) in enumerate(pairs):
        image = shifted(Image.open(io.BytesIO(content)).convert("RGB"), (part, index))
        # Noise is what JPEG would take away.
        moved.append((encoded(image, is_lossless=True), label))
    return moved


def _arms(setup: Setup) -> list[Arm]:
    base, words = replace(setup.base, strategy="linear_probe"), setup.start.words
    usable = [each for each in ADAPTATIONS if setup.base.weights != "none" or not each.needs_pretrained]
    adapted = [
        Arm(
            adaptation.name.replace("_", " "),
            replace(base, adaptations=(adaptation.name,), strategy=_strategy(adaptation)),
            words,
        )
        for adaptation in usable
    ]
    return [Arm(NONE, base, words), *adapted]


def _strategy(adaptation: Adaptation) -> str:
    """Return the quickest strategy that an adaptation goes with."""
    return adaptation.strategies[0] if adaptation.strategies else "linear_probe"


def find(measured: Measured) -> Findings:
    """Return what the shift costs, and which adaptations win some of it back."""
    return Findings(_answer(measured), _table(measured), _charts(measured))


def _answer(measured: Measured) -> tuple[str, ...]:
    nothing = nothing_learnt(measured)
    if nothing:
        return nothing
    plain = measured.of(NONE)
    cost = compare(plain, plain, CLEAN, SHIFTED)
    if cost is None:
        return ("Every training without an adaptation diverged: the cost of the shift can't be told.",)
    first = (_cost_told(plain, cost),)
    if cost.over_seeds is None:
        return (*first, *exceptions(measured))
    if not cost.is_clear or cost.mean <= 0:
        return (
            *first,
            "So there is nothing that an adaptation could be shown to win back.",
            *exceptions(measured),
        )
    return (*first, *_gains_told(measured, cost), *_prices_told(measured), *exceptions(measured))


def _cost_told(plain: ArmRuns, cost: Difference) -> str:
    clean, shifted_ = (percent(mean_of(plain.accuracies(test))) for test in (CLEAN, SHIFTED))
    if cost.over_seeds is None:
        return (
            f"One training was right on {clean} of the clean images and on {shifted_} of the shifted ones; "
            "whether that is more than luck takes more seeds."
        )
    if not cost.is_clear:
        return (
            f"That the shift costs anything is not shown: {clean} of the clean images are right, and "
            f"{shifted_} of the shifted ones, which is within the spread."
        )
    verb = "costs" if cost.mean > 0 else "gains"
    return f"The shift {verb} {points(cost.mean)}: from {clean} to {shifted_}."


def _gains_told(measured: Measured, cost: Difference) -> tuple[str, ...]:
    """Say what each adaptation wins back, the most first, and which win nothing that counts."""
    plain = measured.of(NONE)
    found = [
        (runs, gain)
        for runs in measured.usable
        if runs.name != NONE and (gain := compare(runs, plain, SHIFTED)) is not None
    ]
    clear = sorted((each for each in found if each[1].is_clear), key=lambda each: -each[1].mean)
    told = [
        f"{quoted(runs.name)} wins back {points(gain.mean)}, {percent(gain.mean / cost.mean)} of what the "
        f"shift cost{_source_told(runs, plain)}."
        for runs, gain in clear
        if gain.mean > 0
    ]
    if not told:
        told = ["No adaptation wins back anything that counts."]
    told += [
        f"{quoted(runs.name)} makes it worse by {points(gain.mean)}."
        for runs, gain in clear
        if gain.mean <= 0
    ]
    unclear = [quoted(runs.name) for runs, gain in found if not gain.is_clear]
    if unclear:
        verb = "changes" if len(unclear) == 1 else "change"
        told.append(f"What {listed(unclear)} {verb} on shifted images is within the spread.")
    return tuple(told)


def _source_told(runs: ArmRuns, plain: ArmRuns) -> str:
    change = compare(runs, plain, CLEAN)
    if change is None or not change.is_clear:
        return ", at no price on clean images that counts"
    if change.mean > 0:
        return f", and gains {points(change.mean)} on clean images"
    return f", at the price of {points(change.mean)} on clean images"


def _prices_told(measured: Measured) -> tuple[str, ...]:
    ordered = sorted(measured.usable, key=seconds_of)
    first, last = ordered[0], ordered[-1]
    return (
        f"The quickest to train is {quoted(first.name)} ({seconds_of(first):.0f} s), the slowest "
        f"{quoted(last.name)} ({seconds_of(last):.0f} s).",
    )


def _table(measured: Measured) -> Table:
    plain = measured.of(NONE)
    cost = compare(plain, plain, CLEAN, SHIFTED)
    columns = ("adaptation", "clean accuracy", "shifted accuracy", "won back", "seconds to train")
    rows = [
        (
            runs.name,
            with_spread(runs.accuracies(CLEAN)),
            with_spread(runs.accuracies(SHIFTED)),
            _share(compare(runs, plain, SHIFTED), cost) if runs.name != NONE else "",
            with_spread([outcome.seconds for outcome in runs.finished], unit=" s", factor=1),
        )
        for runs in measured.runs
    ]
    return Table(columns, tuple(rows))


def _share(gain: Difference | None, cost: Difference | None) -> str:
    if gain is None or cost is None or cost.mean <= 0:
        return "–"
    return f"{100 * gain.mean / cost.mean:.0f} %".replace("-", "−")


def _charts(measured: Measured) -> tuple[Chart, ...]:
    if not measured.usable:
        return ()
    panels = [accuracy_bars(measured, CLEAN), accuracy_bars(measured, SHIFTED), seconds_bars(measured)]
    bars = draw_bars([runs.name for runs in measured.runs], panels)
    return (Chart("Accuracy on clean and on shifted images", bars, "One bar for each adaptation."),)


EXERCISE = Exercise(
    epochs=5,
    describe=(
        "All training images are as they are. Half of the test images are judged on, once clean and once "
        "shifted; the other half is shown, shifted and without labels, to the adaptations that learn from "
        "such images. A linear probe without any adaptation is compared with each; augmentation, "
        "self-supervision and batch normalisation end in a linear probe too, the others fine-tune."
    ),
    arms=_arms,
    find=find,
    prepare=prepare,
)
