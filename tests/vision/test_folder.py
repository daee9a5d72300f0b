from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from vision.decoding import ImageLimits
from vision.errors import (
    FolderError,
    FolderMissingError,
    NoImagesError,
    OneClassError,
    SmallClassError,
    UnknownValidationClassError,
    UnreadableFilesError,
)
from vision.folder import FolderImages, read_image_folder

LIMITS = ImageLimits()
Picture = Callable[..., Image.Image]
Fill = Callable[..., None]


@pytest.fixture
def fill(picture: Picture) -> Fill:
    def filled(folder: Path, num: int, suffix: str = ".jpg") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for index in range(num):
            picture(12, 12, index).save(folder / f"{index:03}{suffix}")

    return filled


def test_classes_are_folders_in_alphabetical_order(tmp_path: Path, fill: Fill) -> None:
    fill(tmp_path / "wasps", 12, ".png")
    fill(tmp_path / "bees", 11)
    fill(tmp_path / "ants" / "queens", 10, ".webp")
    looked_at: list[tuple[int, int]] = []
    listing = read_image_folder(
        tmp_path, LIMITS, on_image=lambda done, total: looked_at.append((done, total))
    )
    assert listing.class_names == ("ants", "bees", "wasps")
    assert [label for _, label in listing.train] == [0] * 10 + [1] * 11 + [2] * 12
    assert listing.val is None
    assert listing.unreadable == []
    assert looked_at == [(done, 33) for done in range(1, 34)]


def test_train_and_val_folders_are_kept_apart(tmp_path: Path, fill: Fill) -> None:
    for split, num in (("train", 10), ("val", 3)):
        for name in ("ants", "bees"):
            fill(tmp_path / split / name, num)
    listing = read_image_folder(tmp_path, LIMITS)
    assert listing.class_names == ("ants", "bees")
    assert len(listing.train) == 20
    assert listing.val is not None
    assert [label for _, label in listing.val] == [0] * 3 + [1] * 3
    assert all("val" in path.parts for path, _ in listing.val)


def test_bytes_are_read_when_they_are_asked_for(tmp_path: Path, fill: Fill) -> None:
    fill(tmp_path / "ants", 10)
    fill(tmp_path / "bees", 10)
    images = FolderImages(read_image_folder(tmp_path, LIMITS).train)
    assert len(images) == 20
    assert images[19] == ((tmp_path / "bees" / "009.jpg").read_bytes(), 1)


def test_hidden_files_and_notes_are_passed_over(tmp_path: Path, fill: Fill) -> None:
    fill(tmp_path / "ants", 10)
    fill(tmp_path / "bees", 10)
    fill(tmp_path / ".cache", 3)
    (tmp_path / "ants" / "._000.jpg").write_bytes(b"no image")
    (tmp_path / "bees" / "notes.txt").write_text("found in May")
    listing = read_image_folder(tmp_path, LIMITS)
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
    listing = read_image_folder(tmp_path, LIMITS)
    assert len(listing.train) == 39
    assert [path for path, _ in listing.unreadable] == [truncated, gif]
    assert "truncated or corrupt" in listing.unreadable[0][1]
    assert "JPEG, PNG or WebP" in listing.unreadable[1][1]


def test_many_unreadable_files_are_refused_and_named(tmp_path: Path, fill: Fill) -> None:
    fill(tmp_path / "ants", 20)
    fill(tmp_path / "bees", 20)
    for index in range(5):
        (tmp_path / "bees" / f"{index:03}.jpg").write_bytes(b"broken")
    with pytest.raises(UnreadableFilesError, match=r"found 5 of 40(?s:.*)bees/000\.jpg: Expected a JPEG"):
        read_image_folder(tmp_path, LIMITS)


def test_one_class_is_refused(tmp_path: Path, fill: Fill) -> None:
    fill(tmp_path / "ants", 10)
    with pytest.raises(OneClassError, match="found one, 'ants', with 10 images"):
        read_image_folder(tmp_path, LIMITS)


def test_classes_of_three_images_are_refused_by_name(tmp_path: Path, fill: Fill) -> None:
    fill(tmp_path / "ants", 3)
    fill(tmp_path / "bees", 10)
    fill(tmp_path / "wasps", 0)
    with pytest.raises(SmallClassError, match=r"at least 10 readable .* 'ants' has 3, 'wasps' has 0"):
        read_image_folder(tmp_path, LIMITS)
    with pytest.raises(SmallClassError, match="'wasps' has 0"):
        read_image_folder(tmp_path, LIMITS, min_images_per_class=3)


def test_a_folder_without_images_is_refused_with_what_was_found(tmp_path: Path, fill: Fill) -> None:
    with pytest.raises(NoImagesError, match="0 folders"):
        read_image_folder(tmp_path, LIMITS)
    fill(tmp_path, 4)
    with pytest.raises(NoImagesError, match="4 images outside"):
        read_image_folder(tmp_path, LIMITS)
    (tmp_path / "ants").mkdir()
    with pytest.raises(NoImagesError, match="1 folders with no images"):
        read_image_folder(tmp_path, LIMITS)


def test_train_and_val_are_never_taken_for_classes(tmp_path: Path, fill: Fill) -> None:
    fill(tmp_path / "train", 10)
    fill(tmp_path / "val", 10)
    with pytest.raises(NoImagesError, match="10 images outside"):
        read_image_folder(tmp_path, LIMITS)


def test_a_validation_folder_must_fit_the_training_folder(tmp_path: Path, fill: Fill) -> None:
    fill(tmp_path / "train" / "ants", 10)
    fill(tmp_path / "train" / "bees", 10)
    (tmp_path / "val").mkdir()
    with pytest.raises(NoImagesError, match="val; found none"):
        read_image_folder(tmp_path, LIMITS)
    fill(tmp_path / "val" / "spiders", 2)
    with pytest.raises(UnknownValidationClassError, match="spiders"):
        read_image_folder(tmp_path, LIMITS)


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FolderMissingError, match="nowhere"):
        read_image_folder(tmp_path / "nowhere", LIMITS)
    (tmp_path / "file.jpg").write_bytes(b"")
    with pytest.raises(FolderError):
        read_image_folder(tmp_path / "file.jpg", LIMITS)
