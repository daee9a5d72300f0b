import io
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from lab.images import LabImages, cut_off, digit_images, first_of_each, folder_images
from vision.decoding import ImageLimits


def _ignore(stage: str, done: int, total: int) -> None: ...


def _folder_images(place: Path, image_size: int | None = None, max_images: int = 1000) -> LabImages:
    return folder_images(place, ImageLimits(), image_size, max_images, _ignore)


PAIRS = [(bytes([number]), number % 2) for number in range(40)]


def test_each_seed_cuts_off_others_and_nothing_is_in_both_parts() -> None:
    parts = [cut_off(PAIRS, seed) for seed in (0, 1, 0)]
    for training, validation in parts:
        assert sorted([*training, *validation]) == sorted(PAIRS)
        assert Counter(label for _, label in validation) == {0: 3, 1: 3}
    assert parts[0] == parts[2]
    assert set(parts[0][1]) != set(parts[1][1])


def test_the_first_of_each_class_are_returned() -> None:
    assert first_of_each(PAIRS, 2) == PAIRS[:4]
    assert first_of_each(PAIRS, 99) == PAIRS


def test_a_source_s_own_test_part_is_tested_on(make_images: Callable[..., Path], tmp_path: Path) -> None:
    make_images(tmp_path / "all" / "train", 20)
    make_images(tmp_path / "all" / "val", 12)
    images = _folder_images(tmp_path / "all")
    assert (len(images.training), len(images.test), images.image_size) == (40, 24, 128)
    assert images.class_names == ("blue", "red")


def test_large_pictures_are_shrunk_and_small_ones_left_as_they_are(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for label in ("large", "small"):
        (tmp_path / label).mkdir()
        for number in range(12):
            shape = (200, 300, 3) if label == "large" else (40, 60, 3)
            Image.fromarray(rng.integers(0, 256, shape, dtype=np.uint8)).save(
                tmp_path / label / f"{number}.png"
            )
    images = _folder_images(tmp_path, image_size=32)
    sizes = {(label, Image.open(io.BytesIO(content)).size) for content, label in images.training}
    assert sizes == {(0, (96, 64)), (1, (60, 40))}
    own = {(tmp_path / "small" / f"{number}.png").read_bytes() for number in range(12)}
    assert {content for content, label in [*images.training, *images.test] if label == 1} == own


def test_a_large_source_is_cut_down_in_the_same_shares_and_says_so(
    make_images: Callable[..., Path], tmp_path: Path
) -> None:
    images = _folder_images(make_images(tmp_path / "all", 40), max_images=40)
    assert Counter(label for _, label in images.training) == {0: 16, 1: 16}
    assert Counter(label for _, label in images.test) == {0: 4, 1: 4}
    assert "Of 80 images, 40 are used" in images.notes[0]


def test_digits_stand_in_where_no_folder_is_named_and_say_so() -> None:
    images = digit_images(ImageLimits(), None, 200, _ignore)
    assert (len(images.class_names), images.augmentation, images.image_size) == (10, "gentle", 64)
    assert len(images.training) + len(images.test) == 200
    assert "demonstration" in images.notes[0]
    assert {content for content, _ in images.training}.isdisjoint(content for content, _ in images.test)
