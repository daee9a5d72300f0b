"""Charts as SVG that takes its text colour from the page, so that it suits light and dark ones."""

import io
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from matplotlib import rc_context
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import MaxNLocator, NullFormatter, StrMethodFormatter

from vision.training import Epoch

# Stands for the page's own colour, which only the browser knows; no chart draws in it otherwise.
_INK = "#010203"
_BLUE, _ORANGE = "#3a86c8", "#e0791a"
_GRID = "#80808050"
_WIDTH = 10.0
_COLUMNS = 3


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


@dataclass(frozen=True, slots=True)
class Curves:
    """The losses of one variant's trainings, one list of epochs for each seed."""

    title: str
    runs: Sequence[Sequence[Epoch]]


def draw_bars(names: Sequence[str], panels: Sequence[Bars]) -> str:
    """Return panels side by side: a bar for the mean of each variant, a dot for each seed."""
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
            ax.axvline(panel.reference[0], color=_INK, linestyle=":", linewidth=1.2, label=panel.reference[1])
        if panel.limits is not None:
            ax.set_xlim(*panel.limits)
        ax.set_xlabel(panel.axis)
        _style(ax, "x")
    axes[0].set_yticks(positions, names)
    axes[0].invert_yaxis()
    _legend(figure, axes)
    return _svg(figure)


def draw_curves(panels: Sequence[Curves], chance_loss: float) -> str:
    """Return the training and validation loss over the epochs, a panel for each variant, on one scale.

    Args:
        panels: Of each variant; one without any epoch says that it diverged in the first.
        chance_loss: The loss of guessing, in nats; far above it the axis is cut.
    """
    # Four stand better two by two than with one of them alone.
    num_columns = 2 if len(panels) == 4 else min(_COLUMNS, len(panels))
    num_rows = math.ceil(len(panels) / num_columns)
    figure = _figure(0.5 + 2.7 * num_rows)
    axes = list(figure.subplots(num_rows, num_columns, squeeze=False).ravel())
    top = _top([run for panel in panels for run in panel.runs], chance_loss)
    for ax, panel in zip(axes, panels, strict=False):
        ax.axhline(chance_loss, color=_INK, linestyle=":", linewidth=1.2, label="guessing")
        for run in panel.runs:
            _line(ax, run, lambda epoch: epoch.training_loss, _BLUE, "-", "training")
            _line(ax, run, lambda epoch: epoch.validation_loss, _ORANGE, "--", "validation")
        if not any(panel.runs):
            ax.text(0.5, 0.4, "diverged in epoch 1", ha="center", color=_INK, transform=ax.transAxes)
        ax.set_title(panel.title, fontsize=10, color=_INK)
        ax.set_xlabel("epoch")
        ax.set_ylabel("cross-entropy loss (nats)")
        ax.set_ylim(0.0, top)
        ax.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6, min_n_ticks=1))
        _style(ax, "both")
    for ax in axes[len(panels) :]:
        ax.set_visible(False)
    _legend(figure, axes[: len(panels)])
    return _svg(figure)


def _figure(height: float) -> Figure:
    # Numbers at the ends of two axes side by side must not run into one another.
    engine = ConstrainedLayoutEngine(wspace=0.06)
    return Figure(figsize=(_WIDTH, height), layout=engine, facecolor="none")


def _line(
    ax: Axes, run: Sequence[Epoch], value: Callable[[Epoch], float], color: str, style: str, label: str
) -> None:
    numbers = [epoch.epoch for epoch in run]
    ax.plot(numbers, [value(epoch) for epoch in run], style, color=color, label=label, marker=".", lw=1.3)


def _top(runs: Sequence[Sequence[Epoch]], chance_loss: float) -> float:
    losses = [loss for run in runs for epoch in run for loss in (epoch.training_loss, epoch.validation_loss)]
    finite = [loss for loss in losses if math.isfinite(loss)]
    return 1.08 * min(max([*finite, chance_loss]), 3 * chance_loss)


def _make_logarithmic(ax: Axes, values: Sequence[float]) -> None:
    ax.set_xscale("log")
    # Bars have no natural beginning there: they start at the power of ten below the smallest.
    smallest, largest = min(values), max(values)
    ax.set_xlim(10.0 ** math.floor(math.log10(smallest) - 0.05), 2.0 * largest)
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.xaxis.set_major_formatter(StrMethodFormatter("{x:,.10g}"))


def _style(ax: Axes, grid: Literal["x", "both"]) -> None:
    ax.set_facecolor("none")
    ax.grid(True, axis=grid, color=_GRID, linewidth=0.6)
    ax.set_axisbelow(True)
    ax.tick_params(colors=_INK, labelsize=9)
    for label in (ax.xaxis.label, ax.yaxis.label):
        label.set_color(_INK)
        label.set_fontsize(9)
    for name, spine in ax.spines.items():
        spine.set_visible(name in ("left", "bottom"))
        spine.set_color(_INK)


def _legend(figure: Figure, axes: Sequence[Axes]) -> None:
    """Put one legend above all panels; what several of them show stands in it once."""
    found: dict[str, Artist] = {}
    for ax in axes:
        for handle, label in zip(*ax.get_legend_handles_labels(), strict=True):
            found.setdefault(label, handle)
    figure.legend(
        list(found.values()),
        list(found),
        loc="outside upper right",
        ncols=len(found),
        frameon=False,
        fontsize=9,
        labelcolor=_INK,
    )


def _svg(figure: Figure) -> str:
    buffer = io.StringIO()
    # Text stays text: it can be searched, read aloud, and takes the page's colour. The salt makes the same
    # chart the same file.
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "perennial"}):
        # Matplotlib leaves this method without types.
        FigureCanvasSVG(figure).print_svg(buffer, metadata={"Date": None, "Creator": None})  # type: ignore[no-untyped-call]  # Matplotlib leaves it without types
    drawn = buffer.getvalue()
    drawn = drawn[drawn.index("<svg") :].replace(_INK, "currentColor")
    # Without a background and a size of its own, it takes the page's.
    drawn = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", drawn, count=1)
    drawn = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", drawn, count=1)
    return re.sub(r"<metadata>.*?</metadata>", "", drawn, flags=re.DOTALL)
