from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from vision.decoding import ImageLimits
from vision.errors import (
    NoImagesError,
    OneClassError,
    SmallClassError,
    SourceMissingError,
    UnknownSourceError,
    UnknownValidationClassError,
    UnreadableImagesError,
)
from vision.sources.checking import CheckedImages, check_images
from vision.sources.detection import list_images

LIMITS = ImageLimits()
Picture = Callable[..., Image.Image]
Fill = Callable[..., None]


def read(folder: Path, **options: Any) -> CheckedImages:
    return check_images(list_images(folder, ImageLimits()), LIMITS, **options)


def test_classes_are_folders_in_alphabetical_order(tmp_path: Path, fill: Fill) -> None:
    fill(tmp_path / "wasps", 12, ".png")
    fill(tmp_path / "bees", 11)
    fill(tmp_path / "ants" / "queens", 10, ".webp")
    looked_at: list[tuple[int, int]] = []
    listing = read(tmp_path, on_image=lambda done, total: looked_at.append((done, total)))
    assert listing.class_names == ("ants", "bees", "wasps")
    assert [image.label for image in listing.images] == ["ants"] * 10 + ["bees"] * 11 + ["wasps"] * 12
    assert {image.split for image in listing.images} == {None}
    assert listing.unreadable == []
    assert looked_at == [(done, 33) for done in range(1, 34)]


def test_train_and_val_folders_are_kept_apart(tmp_path: Path, fill: Fill) -> None:
    for split, num in (("train", 10), ("val", 3)):
        for name in ("ants", "bees"):
            fill(tmp_path / split / name, num)
    listing = read(tmp_path)
    assert listing.class_names == ("ants", "bees")
    assert len(listing.of("train")) == 20
    assert [image.label for image in listing.of("val")] == ["ants"] * 3 + ["bees"] * 3
    assert all("val" in Path(image.name).parts for image in listing.of("val"))


def test_validation_and_test_folders_are_parts_too(tmp_path: Path, fill: Fill) -> None:
    for split, num in (("train", 10), ("validation", 3), ("test", 4)):
        for name in ("ants", "bees"):
            fill(tmp_path / split / name, num)
    listing = read(tmp_path)
    assert [len(listing.of(split)) for split in ("train", "val", "test")] == [20, 6, 8]


def test_bytes_are_read_only_when_needed(tmp_path: Path, fill: Fill) -> None:
    fill(tmp_path / "ants", 10)
    fill(tmp_path / "bees", 10)
    images = read(tmp_path).images
    assert len(images) == 20
    (tmp_path / "bees" / "009.jpg").write_bytes(b"other bytes")
    assert (images[19].read(), images[19].label) == (b"other bytes", "bees")


def test_hidden_files_and_notes_are_passed_over(tmp_path: Path, fill: Fill) -> None:
    fill(tmp_path / "ants", 10)
    fill(tmp_path / "bees", 10)
    fill(tmp_path / ".cache", 3)
    (tmp_path / "ants" / "._000.jpg").write_bytes(b"no image")
    (tmp_path / "bees" / "notes.txt").write_text("found in May")
    listing = read(tmp_path)
    assert listing.class_names == ("ants", "bees")
    assert listing.unreadable == []


def test_a_few_unreadable_files_are_listed_with_their_reasons_and_left_out(
    tmp_path: Path, fill: Fill
) -> None:
    fill(tmp_path / "ants", 20)
    fill(tmp_path / "bees", 20)
    truncated, gif = tmp_path / "ants" / "003.jpg", tmp_path / "bees" / "new.gif"
    truncated.write_bytes(truncated.read_bytes()[:200])
    Image.new("RGB", (4, 4)).save(gif)
    listing = read(tmp_path)
    assert len(listing.images) == 39
    assert [name for name, _ in listing.unreadable] == [str(truncated), str(gif)]
    assert "truncated or corrupt" in listing.unreadable[0][1]
    assert "JPEG, PNG, WebP or AVIF" in listing.unreadable[1][1]


def test_many_unreadable_files_are_refused_and_named(tmp_path: Path, fill: Fill) -> None:
    fill(tmp_path / "ants", 20)
    fill(tmp_path / "bees", 20)
    for index in range(5):
        (tmp_path / "bees" / f"{index:03}.jpg").write_bytes(b"broken")
    with pytest.raises(UnreadableImagesError, match=r"found 5 of 40(?s:.*)bees/000\.jpg: Expected a JPEG"):
        read(tmp_path)


def test_one_class_is_refused(tmp_path: Path, fill: Fill) -> None:
    fill(tmp_path / "ants", 10)
    with pytest.raises(OneClassError, match="found one, 'ants', with 10 images"):
        read(tmp_path)


def test_classes_of_three_images_are_refused_by_name(tmp_path: Path, fill: Fill) -> None:
    fill(tmp_path / "ants", 3)
    fill(tmp_path / "bees", 10)
    fill(tmp_path / "wasps", 0)
    with pytest.raises(SmallClassError, match=r"at least 10 readable .* 'ants' has 3, 'wasps' has 0"):
        read(tmp_path)
    with pytest.raises(SmallClassError, match="'wasps' has 0"):
        read(tmp_path, min_images_per_class=3)


def test_a_folder_without_images_is_refused_with_its_contents(tmp_path: Path, fill: Fill) -> None:
    with pytest.raises(NoImagesError, match="0 folders"):
        read(tmp_path)
    fill(tmp_path, 4)
    with pytest.raises(NoImagesError, match="4 images outside"):
        read(tmp_path)
    (tmp_path / "ants").mkdir()
    with pytest.raises(NoImagesError, match="1 folders with no images"):
        read(tmp_path)


def test_train_and_val_are_never_classes(tmp_path: Path, fill: Fill) -> None:
    fill(tmp_path / "train", 10)
    fill(tmp_path / "val", 10)
    with pytest.raises(NoImagesError, match="10 images outside"):
        read(tmp_path)


def test_a_validation_folder_must_fit_the_training_folder(tmp_path: Path, fill: Fill) -> None:
    fill(tmp_path / "train" / "ants", 10)
    fill(tmp_path / "train" / "bees", 10)
    (tmp_path / "val").mkdir()
    with pytest.raises(NoImagesError, match="val; found none"):
        read(tmp_path)
    fill(tmp_path / "val" / "spiders", 2)
    with pytest.raises(UnknownValidationClassError, match="spiders"):
        read(tmp_path)


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceMissingError, match="nowhere"):
        read(tmp_path / "nowhere")
    (tmp_path / "file.jpg").write_bytes(b"")
    with pytest.raises(UnknownSourceError, match=r"file\.jpg"):
        read(tmp_path / "file.jpg")
