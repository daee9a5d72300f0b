"""The curves as one picture, `docs/measurements/scale.svg`; run it to draw the recorded figures again."""

import json
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from benchmarks.record import RESULTS


def draw(figures: dict[str, Any], path: Path) -> None:
    """Write the figures as an SVG on white, which both light and dark pages can show."""
    with rc_context(
        {"font.size": 9, "axes.spines.top": False, "axes.spines.right": False, "svg.hashsalt": "scale"}
    ):
        figure = Figure(figsize=(11, 6.6), layout="constrained")
        FigureCanvasSVG(figure)
        axes = figure.subplots(2, 3).ravel()
        _draw_throughput(axes[0], figures["throughput"])
        _draw_latency(axes[1], figures["latency"])
        _draw_feedback(axes[2], figures["feedback"])
        _draw_rounds(axes[3], figures["rounds"])
        _draw_slices(axes[4], figures["rounds"]["by_slices"])
        _draw_versions(axes[5], figures["versions"])
        figure.savefig(path, format="svg", metadata={"Date": None})


def _draw_throughput(ax: Axes, points: list[dict[str, Any]]) -> None:
    for workers in sorted({point["workers"] for point in points}):
        chosen = [point for point in points if point["workers"] == workers]
        label = f"{workers} worker{'s' if workers > 1 else ''}"
        _line(ax, chosen, "max_batch", "images_per_second", label)
    ax.set_xscale("log", base=2)
    ax.set_xticks([1, 4, 16], ["1", "4", "16"])
    _name(ax, "images in a batch, at most", "images a second", "Throughput, 16 connections")


def _draw_latency(ax: Axes, figures: dict[str, Any]) -> None:
    for percentile in ("p50_ms", "p99_ms"):
        _line(ax, figures["points"], "load", percentile, percentile.removesuffix("_ms"))
    _name(ax, "load, as a share of the saturating one", "milliseconds", "Latency, Poisson arrivals")


def _draw_feedback(ax: Axes, points: list[dict[str, Any]]) -> None:
    _line(ax, points, "rows", "per_second", "feedback a second")
    _line(ax, points, "rows", "p99_ms", "p99 in milliseconds")
    ax.set_xscale("log")
    _name(ax, "samples in the store", "a second, milliseconds", "Feedback with images")


def _draw_rounds(ax: Axes, rounds: dict[str, list[dict[str, Any]]]) -> None:
    _line(ax, rounds["by_new_samples"], "new", "seconds", "by new samples, as many replayed")
    _line(ax, rounds["by_old_samples"], "old", "seconds", "by old samples, 250 new")
    _name(ax, "samples", "seconds", "A round, 64 pixels, 3 epochs")


def _draw_slices(ax: Axes, points: list[dict[str, Any]]) -> None:
    _line(ax, points, "slices", "seconds", "250 new samples")
    _name(ax, "slices of 40 images to judge on", "seconds", "A round by slices")


def _draw_versions(ax: Axes, points: list[dict[str, Any]]) -> None:
    _line(ax, points, "versions", "home_mib", "disk")
    _line(ax, points, "versions", "memory_mib", "server's memory")
    _name(ax, "versions kept", "MiB", "Versions")


def _line(ax: Axes, points: list[dict[str, Any]], x: str, y: str, label: str) -> None:
    ax.plot([point[x] for point in points], [point[y] for point in points], marker="o", label=label)


def _name(ax: Axes, x: str, y: str, title: str) -> None:
    ax.set_xlabel(x)
    ax.set_ylabel(y)
    ax.set_title(title, loc="left")
    ax.set_ylim(bottom=0)
    ax.grid(alpha=0.3)
    ax.legend(frameon=False, fontsize=8)


if __name__ == "__main__":
    draw(json.loads((RESULTS / "scale.json").read_text())["figures"], Path("docs/measurements/scale.svg"))
