"""Tables as other programs write them: paths of Windows, zero bytes, half characters."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from vision.decoding import ImageLimits
from vision.errors import ClassNameError
from vision.sources.checking import CheckedImages
from vision.sources.csv_file import list_csv
from vision.sources.detection import list_images

Checked = Callable[..., CheckedImages]
Fill = Callable[..., None]


@pytest.fixture
def folder(tmp_path: Path, fill: Fill) -> Path:
    for label in ("ants", "bees"):
        fill(tmp_path / "images" / label, 12)
    return tmp_path


def write(folder: Path, odd: str) -> Path:
    """A CSV of 24 right rows and an odd one."""
    rows = [f"images/{label}/{n:03}.jpg,{label}" for label in ("ants", "bees") for n in range(12)]
    (folder / "labels.csv").write_text("\n".join(["path,label", *rows, odd]), newline="")
    return folder / "labels.csv"


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("images/an\0ts.jpg,ants", "which no file can have"),
        (r"C:\pictures\0.jpg,ants", "Write it relative to the table"),
        (f"{'x' * 300}.jpg,ants", "File name too long"),
        (f"{'x' * 300}\\0.jpg,ants", "File name too long"),
    ],
    ids=["zero byte", "another machine", "long", "long, of Windows"],
)
def test_a_path_that_no_file_has_is_listed_with_its_reason(
    folder: Path, checked: Checked, row: str, reason: str
) -> None:
    [(_, why)] = checked(write(folder, row)).unreadable
    assert reason in why


def test_backslashes_of_windows_are_read(folder: Path, fill: Fill, checked: Checked) -> None:
    fill(folder / "images" / "more", 1)
    listing = checked(write(folder, r"images\more\000.jpg,ants"))
    assert listing.unreadable == []
    assert listing.images[-1].name == str(folder / "images/more/000.jpg")


def test_a_part_named_by_a_path_of_windows_is_known(folder: Path, fill: Fill) -> None:
    fill(folder / "Valid", 1)
    row = json.dumps({"file_name": r"Valid\000.jpg", "label": "ants"})
    (folder / "metadata.jsonl").write_text(row)
    [image] = list_images(folder, ImageLimits()).images
    assert (image.split, image.read()) == ("val", (folder / "Valid" / "000.jpg").read_bytes())


def test_a_file_whose_name_has_a_backslash_is_read(folder: Path, fill: Fill, checked: Checked) -> None:
    fill(folder / "images" / "more", 1)
    (folder / "images/more/000.jpg").rename(folder / r"odd\name.jpg")
    assert checked(write(folder, r"odd\name.jpg,ants")).images[-1].name.endswith(r"odd\name.jpg")


@pytest.mark.parametrize("name", ["a\0b.jpg", "a\ud800b.jpg"], ids=["zero byte", "half a pair"])
def test_a_json_line_with_an_impossible_name_is_listed(folder: Path, name: str) -> None:
    lines = [json.dumps({"file_name": name, "label": "ants"})]
    (folder / "metadata.jsonl").write_text("\n".join(lines))
    [(where, reason)] = list_images(folder, ImageLimits()).refused
    assert where == "metadata.jsonl line 1"
    assert "which no file can have" in reason


def test_labels_that_are_one_once_cleaned_are_one_class(folder: Path, checked: Checked) -> None:
    assert checked(write(folder, "images/bees/000.jpg, bees ")).class_names == ("ants", "bees")


def test_twins_are_refused_with_both_names(folder: Path, checked: Checked) -> None:
    with pytest.raises(ClassNameError, match="'Bees' and 'bees'"):
        checked(write(folder, "images/bees/000.jpg,Bees"))


def test_a_table_may_name_files_outside_its_folder(folder: Path, fill: Fill, checked: Checked) -> None:
    fill(folder / "outside", 1)
    (folder / "tables").mkdir()
    (folder / "images").rename(folder / "tables" / "images")
    table = write(folder / "tables", "../outside/000.jpg,ants")
    assert checked(table).unreadable == []
    assert len(list_csv(table, ImageLimits()).images) == 25
