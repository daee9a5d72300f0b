import io

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageFilter

from monitoring.drift.image_statistics import ImageStatistics, differences, in_words, measure
from monitoring.errors import TooFewEmbeddingsError


def picture(rng: np.random.Generator, size: tuple[int, int] = (48, 36)) -> Image.Image:
    """A smooth scene of random colours with some grain."""
    coarse = rng.integers(40, 216, size=(6, 8, 3)).astype(np.uint8)
    scene = np.asarray(Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC), dtype=np.float64)
    return Image.fromarray(np.clip(scene + rng.normal(0, 4, scene.shape), 0, 255).astype(np.uint8))


@pytest.fixture
def pictures() -> list[Image.Image]:
    rng = np.random.default_rng(0)
    return [picture(rng) for _ in range(40)]


def words(before: list[Image.Image], after: list[Image.Image]) -> str:
    return in_words(differences([measure(each) for each in before], [measure(each) for each in after]), 10)


def as_jpeg(image: Image.Image, quality: int) -> Image.Image:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return Image.open(buffer)


def test_darkened_images_are_darker_by_what_was_taken(pictures: list[Image.Image]) -> None:
    dark = [ImageEnhance.Brightness(each).enhance(0.62) for each in pictures[20:]]
    found = {each.statistic: each for each in differences(*map_measured(pictures[:20], dark))}
    assert found["brightness"].words.startswith("darker by ")
    assert found["brightness"].after / found["brightness"].before == pytest.approx(0.62, abs=0.08)
    assert found["brightness"].effect < 0.1


def map_measured(
    before: list[Image.Image], after: list[Image.Image]
) -> tuple[list[ImageStatistics], list[ImageStatistics]]:
    return [measure(each) for each in before], [measure(each) for each in after]


def test_blurred_images_are_blurrier(pictures: list[Image.Image]) -> None:
    blurred = [each.filter(ImageFilter.GaussianBlur(2)) for each in pictures[20:]]
    assert "blurrier by " in words(pictures[:20], blurred)


def test_images_with_less_blue_are_more_orange(pictures: list[Image.Image]) -> None:
    warm = [Image.fromarray((np.asarray(each) * [1, 1, 0.6]).astype(np.uint8)) for each in pictures[20:]]
    assert "more orange" in words(pictures[:20], warm)


def test_grey_images_have_paler_colours(pictures: list[Image.Image]) -> None:
    grey = [each.convert("L") for each in pictures[20:]]
    assert "paler colours by 100 %" in words(pictures[:20], grey)


def test_larger_and_wider_images_are_told(pictures: list[Image.Image]) -> None:
    wide = [each.resize((128, 36)) for each in pictures[20:]]
    said = words(pictures[:20], wide)
    assert "more pixels (2.7 times)" in said
    assert "wider (2.7 times)" in said


def test_a_lower_jpeg_quality_is_more_compressed(pictures: list[Image.Image]) -> None:
    before = [as_jpeg(each, 95) for each in pictures[:20]]
    after = [as_jpeg(each, 40) for each in pictures[20:]]
    assert "more compressed" in words(before, after)


@pytest.mark.parametrize("quality", [20, 50, 75, 95])
def test_jpeg_quality_is_read_from_the_file(pictures: list[Image.Image], quality: int) -> None:
    assert measure(as_jpeg(pictures[0], quality)).jpeg_quality == pytest.approx(quality, abs=4)


def test_two_groups_of_like_images_give_no_words() -> None:
    # Ten statistics at 1 % together: of 20 pairs of groups three speak in 1 of 1,000 seeds.
    rng = np.random.default_rng(1)
    measured = [measure(picture(rng)) for _ in range(400)]
    spoken = [differences(measured[n : n + 10], measured[n + 10 : n + 20]) for n in range(0, 400, 20)]
    assert sum(bool(each) for each in spoken) < 3


def test_the_clearest_difference_comes_first(pictures: list[Image.Image]) -> None:
    moved = differences(
        [measure(each) for each in pictures[:20]],
        [measure(ImageEnhance.Brightness(each).enhance(0.2)) for each in pictures[20:]],
    )
    effects = [abs(each.effect - 0.5) for each in moved]
    assert effects == sorted(effects, reverse=True)
    assert moved[0].statistic in ("brightness", "contrast")


def test_an_image_of_one_pixel_is_measured() -> None:
    statistics = measure(Image.new("RGB", (1, 1), (255, 0, 0)))
    assert statistics.warmth == pytest.approx(1)
    assert statistics.sharpness == 0


def test_fewer_than_five_images_are_refused(pictures: list[Image.Image]) -> None:
    measured = [measure(each) for each in pictures[:10]]
    with pytest.raises(TooFewEmbeddingsError, match="10 and 4"):
        differences(measured, measured[:4])
