import math
import re
from io import BytesIO
from xml.etree import ElementTree

import pytest
from PIL import Image

from vision.charts import Bars, draw_bars, draw_curves, draw_losses
from vision.errors import TooFewSamplesError
from vision.training.training import Epoch

EPOCHS = [Epoch(number, 2 / number, 2.2 / number, 0.5, 0.45, 1.0) for number in range(1, 6)]


def test_it_is_a_picture_of_the_two_plots_side_by_side() -> None:
    picture = Image.open(BytesIO(draw_curves(EPOCHS, "good fit", 5)))
    assert picture.format == "PNG"
    assert picture.width > 2 * picture.height


def test_the_same_run_gives_the_same_bytes_and_another_one_others() -> None:
    drawn = draw_curves(EPOCHS, "good fit", 5)
    assert drawn == draw_curves(EPOCHS, "good fit", 5)
    assert drawn != draw_curves(EPOCHS, "overfitting", 5)
    assert drawn != draw_curves(EPOCHS, "good fit", 4)


def test_a_single_epoch_can_be_drawn() -> None:
    assert draw_curves(EPOCHS[:1], "underfitting", 1)


def test_no_epochs_are_refused() -> None:
    with pytest.raises(TooFewSamplesError, match="one epoch"):
        draw_curves([], "good fit", 1)


def texts(svg: str) -> set[str]:
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
    assert {"test accuracy (% of images)", "parameters trained", "linear probe", "full"} <= texts(svg)
    assert {"mean", "each seed", "guessing", "1 M"} <= texts(svg)


def test_a_variant_without_figures_has_no_bar_and_breaks_nothing() -> None:
    assert "full" in texts(draw_bars(["probe", "full"], [Bars("training time (s)", [[1.0], []])]))


def test_losses_have_axes_and_a_legend_and_far_ones_do_not_flatten_them() -> None:
    far = [[0.7, 0.6], [0.5, 4000.0], [0.4, math.inf], [0.7, math.nan]]
    runs = [
        [
            Epoch(number, training, validation, 0.5, 0.5, 1.0)
            for number, (training, validation) in enumerate(far, start=1)
        ]
    ]
    svg = draw_losses({"0.001": runs, "0.1": [()]}, math.log(2))
    assert {"epoch", "cross-entropy loss (nats)", "training", "validation", "guessing"} <= texts(svg)
    assert {"0.001", "0.1", "diverged in epoch 1"} <= texts(svg)
    ticks = [float(text) for text in texts(svg) if re.fullmatch(r"\d\.\d+", text)]
    assert max(ticks) <= 3 * math.log(2) * 1.1


def test_an_svg_needs_nothing_from_elsewhere_and_is_the_same_for_the_same_figures() -> None:
    first, second = (draw_bars(["a"], [Bars("seconds (s)", [[1.0]])]) for _ in range(2))
    assert first == second
    assert first.startswith("<svg")
    addresses = re.findall(r'https?://[^"\s<]+', first)
    assert all(address.startswith("http://www.w3.org/") for address in addresses)
