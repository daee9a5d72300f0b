"""Draws all charts: the curves of one training as PNG, and those of the lab's experiments as SVG."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Literal

from matplotlib import rc_context
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, MaxNLocator, NullFormatter, PercentFormatter

from vision.errors import TooFewSamplesError
from vision.training.diagnosis import ADVICE, Diagnosis
from vision.training.training import Epoch

# Blue and orange differ in lightness too, and the second line is dashed, so that they differ without colour.
_BLUE, _ORANGE, _GREY = "#1f5fa8", "#d9730d", "#666666"
_STYLE: dict[Any, Any] = {
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 10,
    "font.size": 9,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    # Text stays text, which can be searched and read aloud. With the salt the same chart gives the same file.
    "svg.fonttype": "none",
    "svg.hashsalt": "perennial",
}
_WIDTH = 10.0
_COLUMNS = 3
_MAX_MARKED = 50


@dataclass(frozen=True, slots=True)
class Bars:
    """One quantity of every variant.

    Attributes:
        axis: The quantity with its unit.
        values: One list for each variant, one value for each seed; empty where there is none.
        is_logarithmic: For quantities that differ by powers of ten.
        reference: Where to draw a line, with its name; None draws none.
        limits: Ends of the axis; None finds them.
    """

    axis: str
    values: Sequence[Sequence[float]]
    is_logarithmic: bool = False
    reference: tuple[float, str] | None = None
    limits: tuple[float, float] | None = None


def draw_curves(epochs: Sequence[Epoch], diagnosis: Diagnosis, best_epoch: int) -> bytes:
    """Return a PNG with the loss and the accuracy of both sets, the kept epoch marked.

    Args:
        epochs: Oldest first, at least one.
        diagnosis: Goes into the title, with what to do about it.
        best_epoch: Number of the epoch whose weights were kept.

    Raises:
        TooFewSamplesError: There are no epochs.
    """
    if not epochs:
        raise TooFewSamplesError("Expected at least one epoch to draw, got none.")
    with rc_context(_STYLE):
        figure = _figure(4.2)
        loss, accuracy = figure.subplots(1, 2)
        _plot(loss, epochs, "loss")
        loss.set_ylabel("cross-entropy loss (nats)")
        loss.set_ylim(bottom=0.0)
        _plot(accuracy, epochs, "accuracy")
        accuracy.set_ylabel("accuracy (% of images)")
        accuracy.set_ylim(0.0, 1.02)
        accuracy.yaxis.set_major_formatter(PercentFormatter(xmax=1.0, symbol=""))
        for axes in (loss, accuracy):
            axes.axvline(best_epoch, color=_GREY, linestyle=":", label=f"kept epoch ({best_epoch})")
            axes.legend()
        best = next(epoch for epoch in epochs if epoch.epoch == best_epoch)
        figure.suptitle(
            f"{diagnosis.capitalize()} at epoch {best_epoch}: {best.training_accuracy:.1%} training, "
            f"{best.validation_accuracy:.1%} validation – {ADVICE[diagnosis]}",
            fontsize=11,
        )
        return _rendered(figure, "png", {"Software": ""})


def draw_bars(names: Sequence[str], panels: Sequence[Bars]) -> str:
    """Return panels side by side as SVG: a bar for the mean of each variant, a dot for each seed."""
    with rc_context(_STYLE):
        figure = _figure(1.3 + 0.42 * len(names))
        axes = list(figure.subplots(1, len(panels), squeeze=False, sharey=True)[0])
        positions = range(len(names))
        for ax, panel in zip(axes, panels, strict=True):
            means = [sum(values) / len(values) if values else math.nan for values in panel.values]
            ax.barh(positions, means, height=0.6, color=_BLUE, alpha=0.55, label="mean")
            dots = [(value, place) for place, values in enumerate(panel.values) for value in values]
            ax.scatter(*zip(*dots, strict=True), s=16, color=_ORANGE, zorder=3, label="each seed")
            if panel.is_logarithmic:
                _make_logarithmic(ax, [value for value, _ in dots])
            if panel.reference is not None:
                ax.axvline(panel.reference[0], color=_GREY, linestyle=":", label=panel.reference[1])
            if panel.limits is not None:
                ax.set_xlim(*panel.limits)
            ax.set_xlabel(panel.axis)
            ax.grid(visible=False, axis="y")
        axes[0].set_yticks(positions, names)
        axes[0].invert_yaxis()
        return _svg(figure, axes)


def draw_losses(panels: Mapping[str, Sequence[Sequence[Epoch]]], chance_loss: float) -> str:
    """Return the training and validation loss over the epochs as SVG, a panel for each variant, on one scale.

    Args:
        panels: Of each variant by its name, one list of epochs for each seed; where all are empty, it says
            that it diverged in the first epoch.
        chance_loss: The loss of guessing, in nats; far above it the axis is cut.
    """
    # Four panels look better two by two than with one of them alone in a row.
    num_columns = 2 if len(panels) == 4 else min(_COLUMNS, len(panels))
    num_rows = math.ceil(len(panels) / num_columns)
    with rc_context(_STYLE):
        figure = _figure(0.5 + 2.7 * num_rows)
        axes = list(figure.subplots(num_rows, num_columns, squeeze=False).ravel())
        for ax in axes[len(panels) :]:
            ax.set_visible(False)
        top = _top([run for runs in panels.values() for run in runs], chance_loss)
        for ax, (title, runs) in zip(axes, panels.items(), strict=False):
            ax.axhline(chance_loss, color=_GREY, linestyle=":", label="guessing")
            for run in runs:
                _plot(ax, run, "loss")
            if not any(runs):
                ax.text(0.5, 0.4, "diverged in epoch 1", ha="center", transform=ax.transAxes)
            ax.set_title(title)
            ax.set_ylabel("cross-entropy loss (nats)")
            ax.set_ylim(0.0, top)
        return _svg(figure, axes[: len(panels)])


def _figure(height: float) -> Figure:
    # Not pyplot's figure: pyplot's global state is neither thread-safe nor ever freed.
    return Figure(figsize=(_WIDTH, height), layout="constrained")


def _plot(ax: Axes, epochs: Sequence[Epoch], quantity: Literal["loss", "accuracy"]) -> None:
    numbers = [epoch.epoch for epoch in epochs]
    # A single epoch draws no line, so it needs a marker; a hundred markers would hide the line.
    marker = "." if len(epochs) <= _MAX_MARKED else ""
    for part, color, style in (("training", _BLUE, "-"), ("validation", _ORANGE, "--")):
        values = [getattr(epoch, f"{part}_{quantity}") for epoch in epochs]
        ax.plot(numbers, values, style, color=color, label=part, marker=marker)
    ax.set_xlabel("epoch")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6, min_n_ticks=1))


def _top(runs: Sequence[Sequence[Epoch]], chance_loss: float) -> float:
    losses = [loss for run in runs for epoch in run for loss in (epoch.training_loss, epoch.validation_loss)]
    finite = [loss for loss in losses if math.isfinite(loss)]
    return 1.08 * min(max([*finite, chance_loss]), 3 * chance_loss)


def _make_logarithmic(ax: Axes, values: Sequence[float]) -> None:
    ax.set_xscale("log")
    # A logarithmic axis has no zero: bars start at the power of ten below the smallest value.
    smallest, largest = min(values), max(values)
    ax.set_xlim(10.0 ** math.floor(math.log10(smallest) - 0.05), 2.0 * largest)
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.xaxis.set_major_formatter(EngFormatter())


def _svg(figure: Figure, axes: Sequence[Axes]) -> str:
    """Return an <svg> element, with one legend above all panels in which each label stands once."""
    handles: dict[str, Artist] = {}
    for ax in axes:
        for handle, label in zip(*ax.get_legend_handles_labels(), strict=True):
            handles.setdefault(label, handle)
    figure.legend(list(handles.values()), list(handles), loc="outside upper right", ncols=len(handles))
    unmarked = {"Creator": None, "Date": None, "Format": None, "Type": None}
    drawn = _rendered(figure, "svg", unmarked).decode()
    return drawn[drawn.index("<svg") :]


def _rendered(figure: Figure, form: Literal["png", "svg"], metadata: dict[str, Any]) -> bytes:
    picture = BytesIO()
    figure.savefig(picture, format=form, dpi=120, metadata=metadata)
    return picture.getvalue()
