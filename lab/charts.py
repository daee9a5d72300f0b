"""The charts of the report, and those that several experiments share."""

import math
from dataclasses import dataclass

from lab.outcomes import Measured
from vision.charts import Bars, draw_losses


@dataclass(frozen=True, slots=True)
class Chart:
    """A picture of the figures.

    Attributes:
        title: What it shows.
        svg: An <svg> element that loads nothing from elsewhere.
        caption: How to read it.
    """

    title: str
    svg: str
    caption: str


def accuracy_bars(measured: Measured, test: str | None = None) -> Bars:
    """Return the accuracy on a test, with guessing as a line."""
    name = test or measured.test
    return Bars(
        f"{name} accuracy (% of images)",
        [[100 * accuracy for accuracy in runs.accuracies(name)] for runs in measured.runs],
        reference=(100 * measured.guessing(), "guessing"),
        limits=(0.0, 102.0),
    )


def seconds_bars(measured: Measured) -> Bars:
    """Return the time that training took."""
    return Bars(
        "training time (s)", [[outcome.seconds for outcome in runs.finished] for runs in measured.runs]
    )


def loss_chart(measured: Measured, caption: str) -> Chart:
    """Return the losses of every variant over its epochs."""
    panels = {runs.name: [outcome.epochs for outcome in runs.outcomes] for runs in measured.runs}
    return Chart("Losses", draw_losses(panels, chance_loss(measured)), caption)


def chance_loss(measured: Measured) -> float:
    """Return the cross-entropy of guessing among the classes, in nats."""
    return math.log(len(measured.images.class_names))
