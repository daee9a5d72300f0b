"""The picture of a training run: loss and accuracy of both sets over its epochs."""

from collections.abc import Sequence
from io import BytesIO
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from vision.diagnosis import ADVICE, Diagnosis
from vision.errors import TooFewSamplesError
from vision.training import Epoch

# Blue and orange differ in lightness too, and the second line is dashed: both are told apart without colour.
_MAX_MARKED = 50
_TRAINING: dict[str, Any] = {
    "color": "#1f5fa8",
    "linestyle": "-",
    "label": "training",
}
_VALIDATION: dict[str, Any] = {
    "color": "#d9730d",
    "linestyle": "--",
    "label": "validation",
}


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
    # A Figure of its own instead of pyplot, whose global state is neither thread-safe nor ever freed.
    figure = Figure(figsize=(10.0, 4.2), dpi=120, layout="constrained")
    canvas = FigureCanvasAgg(figure)
    loss, accuracy = figure.subplots(1, 2)
    numbers = [epoch.epoch for epoch in epochs]
    # One epoch alone draws no line, and a hundred markers hide it.
    marker = "." if len(epochs) <= _MAX_MARKED else ""
    loss.plot(numbers, [epoch.training_loss for epoch in epochs], marker=marker, **_TRAINING)
    loss.plot(numbers, [epoch.validation_loss for epoch in epochs], marker=marker, **_VALIDATION)
    accuracy.plot(numbers, [epoch.training_accuracy for epoch in epochs], marker=marker, **_TRAINING)
    accuracy.plot(numbers, [epoch.validation_accuracy for epoch in epochs], marker=marker, **_VALIDATION)
    _label(loss, "cross-entropy loss (nats)", best_epoch)
    loss.set_ylim(bottom=0.0)
    _label(accuracy, "accuracy (% of images)", best_epoch)
    accuracy.set_ylim(0.0, 1.02)
    accuracy.yaxis.set_major_formatter(PercentFormatter(xmax=1.0, symbol=""))
    best = next(epoch for epoch in epochs if epoch.epoch == best_epoch)
    figure.suptitle(
        f"{diagnosis.capitalize()} at epoch {best_epoch}: {best.training_accuracy:.1%} training, "
        f"{best.validation_accuracy:.1%} validation – {ADVICE[diagnosis]}",
        fontsize=11,
    )
    picture = BytesIO()
    # Matplotlib leaves this method without types.
    canvas.print_png(picture, metadata={"Software": ""})  # type: ignore[no-untyped-call]  # Matplotlib leaves it without types
    return picture.getvalue()


def _label(axes: Axes, quantity: str, best_epoch: int) -> None:
    axes.axvline(
        best_epoch, color="#666666", linewidth=1.0, linestyle=":", label=f"kept epoch ({best_epoch})"
    )
    axes.set_xlabel("epoch")
    axes.set_ylabel(quantity)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(color="#dddddd", linewidth=0.6)
    axes.legend(frameon=False)
