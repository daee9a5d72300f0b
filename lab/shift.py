"""The experiment on images that look different from the training images, and on adaptations to them."""

import io
from collections.abc import Sequence
from dataclasses import replace

from PIL import Image

from lab.charts import Chart, accuracy_bars, seconds_bars
from lab.choosing import seconds_of
from lab.experiment import Conclusion, Experiment, Table
from lab.images import LabImages, Pair, encoded
from lab.outcomes import Arm, ArmRuns, Measured, compare
from lab.seeds import Difference, mean_of
from lab.sentences import describe_failures, listed, nothing_learnt, percent, points, quoted, with_spread
from vision.adaptation.shifts import shifted
from vision.adaptation.table import ADAPTATIONS, Adaptation
from vision.charts import draw_bars
from vision.decoding import ImageLimits
from vision.initial_weights import InitialWeights
from vision.transfer_settings import TransferSettings

CLEAN, SHIFTED = "clean", "shifted"
NONE = "no adaptation"
# One in so many of the test images is learnt from, without its label, instead.
_UNLABELLED_EVERY = 2


def prepare(images: LabImages, limits: ImageLimits) -> LabImages:
    """Return images whose test is half as large, clean and shifted; the other half is for adaptations."""
    order = sorted(range(len(images.test)), key=lambda index: images.test[index][1])
    unlabelled = [images.test[index] for index in order[::_UNLABELLED_EVERY]]
    tested = [images.test[index] for place, index in enumerate(order) if place % _UNLABELLED_EVERY]
    return replace(
        images,
        tests={CLEAN: tested, SHIFTED: _shifted(tested, 0)},
        unlabelled=_shifted(unlabelled, 1),
        notes=(
            *images.notes,
            "Shifted images have lost their colours, are noisy and have an orange cast. Adaptations that "
            "learn from shifted images without labels see other images than those of the test.",
        ),
    )


def _shifted(pairs: Sequence[Pair], part: int) -> list[Pair]:
    pairs_shifted = []
    for index, (content, label) in enumerate(pairs):
        image = shifted(Image.open(io.BytesIO(content)).convert("RGB"), (part, index))
        # Lossless, since JPEG would remove the noise.
        pairs_shifted.append((encoded(image, is_lossless=True), label))
    return pairs_shifted


def _arms(base: TransferSettings, networks: Sequence[InitialWeights]) -> list[Arm]:
    base, words = replace(base, strategy="linear_probe"), networks[0].words
    usable = [each for each in ADAPTATIONS if base.weights != "none" or not each.needs_pretrained]
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


def conclude(measured: Measured) -> Conclusion:
    """Return what the shift costs, and which adaptations win some of it back."""
    return Conclusion(_answer(measured), _table(measured), _charts(measured))


def _answer(measured: Measured) -> tuple[str, ...]:
    nothing = nothing_learnt(measured)
    if nothing:
        return nothing
    plain = measured.of(NONE)
    cost = compare(plain, plain, CLEAN, SHIFTED)
    if cost is None:
        return ("Every training without an adaptation diverged: they can't show what the shift costs.",)
    first, failures = (_describe_cost(plain, cost),), describe_failures(measured)
    if cost.over_seeds is None:
        return (*first, *failures)
    if not cost.is_clear or cost.mean <= 0:
        return (
            *first,
            "So these trainings can't show that an adaptation wins anything back.",
            *failures,
        )
    return (*first, *_describe_gains(measured, cost), *_describe_times(measured), *failures)


def _describe_cost(plain: ArmRuns, cost: Difference) -> str:
    clean, shifted_ = (percent(mean_of(plain.accuracies(test))) for test in (CLEAN, SHIFTED))
    if cost.over_seeds is None:
        return (
            f"One training was right on {clean} of the clean images and on {shifted_} of the shifted ones; "
            "more seeds would show whether that is more than chance."
        )
    if not cost.is_clear:
        return (
            f"The shift does not clearly cost anything: {clean} of the clean images are right and {shifted_} "
            "of the shifted ones, which is within the spread."
        )
    verb = "costs" if cost.mean > 0 else "gains"
    return f"The shift {verb} {points(cost.mean)}: from {clean} to {shifted_}."


def _describe_gains(measured: Measured, cost: Difference) -> tuple[str, ...]:
    """Return what each adaptation wins back, the most first, and which have no clear effect."""
    plain = measured.of(NONE)
    gains = [
        (runs, gain)
        for runs in measured.usable
        if runs.name != NONE and (gain := compare(runs, plain, SHIFTED)) is not None
    ]
    clear = sorted((each for each in gains if each[1].is_clear), key=lambda each: -each[1].mean)
    sentences = [
        f"{quoted(runs.name)} wins back {points(gain.mean)}, {percent(gain.mean / cost.mean)} of what the "
        f"shift cost{_describe_clean_change(runs, plain)}."
        for runs, gain in clear
        if gain.mean > 0
    ]
    if not sentences:
        sentences = ["No adaptation clearly wins anything back."]
    sentences += [
        f"{quoted(runs.name)} makes it worse by {points(gain.mean)}."
        for runs, gain in clear
        if gain.mean <= 0
    ]
    unclear = [quoted(runs.name) for runs, gain in gains if not gain.is_clear]
    if unclear:
        verb = "changes" if len(unclear) == 1 else "change"
        sentences.append(f"What {listed(unclear)} {verb} on shifted images is within the spread.")
    return tuple(sentences)


def _describe_clean_change(runs: ArmRuns, plain: ArmRuns) -> str:
    change = compare(runs, plain, CLEAN)
    if change is None or not change.is_clear:
        return ", at no clear cost on clean images"
    if change.mean > 0:
        return f", and gains {points(change.mean)} on clean images"
    return f", at a cost of {points(change.mean)} on clean images"


def _describe_times(measured: Measured) -> tuple[str, ...]:
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


EXPERIMENT = Experiment(
    epochs=5,
    description=(
        "All training images are clean. Accuracies are on half of the test images, once clean and once "
        "shifted. The other half is shifted, and goes without labels to the adaptations that learn from such "
        "images. Each adaptation is compared with a linear probe that is not adapted. Augmentation, "
        "self-supervision and batch normalisation end in a linear probe too; the others fine-tune."
    ),
    arms=_arms,
    conclude=conclude,
    prepare=prepare,
)
