from io import BytesIO

import pytest
from PIL import Image

from vision.curves import draw_curves
from vision.errors import TooFewSamplesError
from vision.training import Epoch

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
