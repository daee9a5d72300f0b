import math
import re
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

from perennial.lab.charts import Bars, Curves, draw_bars, draw_curves


def _texts(svg: str) -> set[str]:
    root = ElementTree.fromstring(svg)
    return {"".join(node.itertext()).strip() for node in root.iter() if node.tag.endswith("}text")}


def test_bars_have_axes_with_units_names_and_a_legend() -> None:
    svg = draw_bars(
        ["linear probe", "full"],
        [
            Bars("test accuracy (% of images)", [[90.0, 92.0], [95.0]], reference=(50.0, "guessing")),
            Bars("parameters trained", [[1_026, 1_026], [11_000_000]], is_logarithmic=True),
        ],
    )
    texts = _texts(svg)
    assert {"test accuracy (% of images)", "parameters trained", "linear probe", "full"} <= texts
    assert {"mean", "each seed", "guessing"} <= texts
    assert "1,000,000" in texts


def test_a_variant_without_figures_has_no_bar_and_breaks_nothing() -> None:
    assert "full" in _texts(draw_bars(["probe", "full"], [Bars("training time (s)", [[1.0], []])]))


def test_curves_have_axes_and_a_legend_and_far_losses_do_not_flatten_them(
    epochs: Callable[..., Any],
) -> None:
    runs = [epochs((0.7, 0.6), (0.5, 4000.0), (0.4, math.inf)), epochs((0.7, math.nan))]
    svg = draw_curves([Curves("0.001", runs), Curves("0.1", [()])], math.log(2))
    texts = _texts(svg)
    assert {"epoch", "cross-entropy loss (nats)", "training", "validation", "guessing"} <= texts
    assert {"0.001", "0.1", "diverged in epoch 1"} <= texts
    ticks = [float(text) for text in texts if re.fullmatch(r"\d\.\d+", text)]
    assert max(ticks) <= 3 * math.log(2) * 1.1


def test_charts_take_the_page_s_colour_and_nothing_from_elsewhere() -> None:
    svg = draw_bars(["a"], [Bars("seconds (s)", [[1.0]])])
    assert svg.startswith("<svg")
    assert "currentColor" in svg
    assert "#000000" not in svg
    assert "#ffffff" not in svg
    names = re.findall(r'https?://[^"\s<]+', svg)
    assert {name for name in names if not name.startswith("http://www.w3.org/")} == set()


def test_the_same_figures_give_the_same_chart() -> None:
    assert len({draw_bars(["a"], [Bars("seconds (s)", [[1.0]])]) for _ in range(2)}) == 1
