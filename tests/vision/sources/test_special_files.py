"""Pipes, devices, folders, dangling links and huge files: none is waited for or read whole."""

import os
from collections.abc import Callable, Mapping
from itertools import product
from pathlib import Path

import pytest

from vision.decoding import ImageLimits
from vision.errors import MalformedSourceError, TooManyBytesError, UnknownSourceError
from vision.sources.checking import CheckedImages
from vision.sources.detection import list_images
from vision.sources.files import read_image_file
from vision.sources.unlabelled import check_unlabelled, list_unlabelled

Checked = Callable[..., CheckedImages]
Fill = Callable[..., None]
LIMITS = ImageLimits(max_image_bytes=10_000)
HUGE = 20 * 1024**3


def make_pipe(path: Path) -> None:
    os.mkfifo(path)


def make_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def make_folder(path: Path) -> None:
    path.mkdir()


def make_dangling(path: Path) -> None:
    path.symlink_to(path.with_name("gone"))


def make_huge(path: Path) -> None:
    """A file of holes, which takes no room."""
    path.touch()
    os.truncate(path, HUGE)


SPECIAL = [
    (make_pipe, "a pipe, a device or a socket"),
    (make_device, "a pipe, a device or a socket"),
    (make_folder, "Is a directory"),
    (make_dangling, "No such file"),
    (make_huge, "Expected at most"),
]


@pytest.mark.parametrize(("make", "reason"), SPECIAL)
@pytest.mark.parametrize("table", ["labels.csv", "metadata.jsonl", "a.parquet"])
def test_a_row_that_names_no_readable_file_is_left_out_with_the_reason(
    tmp_path: Path, fill: Fill, checked: Checked, make: Callable[[Path], None], reason: str, table: str
) -> None:
    for label in ("ants", "bees"):
        fill(tmp_path / "images" / label, 10)
    make(tmp_path / "images" / "odd.png")
    rows = [(f"images/{label}/{n:03}.jpg", label) for label in ("ants", "bees") for n in range(10)]
    write_table(tmp_path / table, [*rows, ("images/odd.png", "ants")])
    place = tmp_path if table.startswith("metadata") else tmp_path / table
    [(_, why)] = checked(place).unreadable
    assert reason in why


def write_table(file: Path, rows: list[tuple[str, str]]) -> None:
    if file.suffix == ".parquet":
        arrow = pytest.importorskip("pyarrow")
        parquet = pytest.importorskip("pyarrow.parquet")
        images = [{"bytes": None, "path": path} for path, _ in rows]
        of_images = arrow.struct([("bytes", arrow.binary()), ("path", arrow.string())])
        labels = arrow.array([label for _, label in rows])
        parquet.write_table(arrow.table({"image": arrow.array(images, of_images), "label": labels}), file)
    elif file.suffix == ".jsonl":
        file.write_text("\n".join(f'{{"file_name": "{path}", "label": "{label}"}}' for path, label in rows))
    else:
        file.write_text("\n".join(["path,label", *(f"{path},{label}" for path, label in rows)]))


@pytest.mark.parametrize(
    ("make", "name"),
    [
        *product(
            [make_pipe, make_device, make_folder, make_dangling, make_huge],
            ["x.csv", "metadata.csv", "metadata.jsonl"],
        ),
        *product([make_pipe, make_device, make_folder, make_dangling], ["x.parquet", "x.tar"]),
    ],
)
def test_what_is_named_like_a_source_beside_class_folders_hinders_nothing(
    tmp_path: Path, fill: Fill, checked: Checked, make: Callable[[Path], None], name: str
) -> None:
    for label in ("train/ants", "train/bees"):
        fill(tmp_path / label, 3)
    make(tmp_path / name)
    assert len(checked(tmp_path).images) == 6


@pytest.mark.parametrize("name", ["x.csv", "x.parquet", "x.tar"])
@pytest.mark.parametrize("make", [make_pipe, make_device])
def test_a_source_that_is_no_file_is_refused(tmp_path: Path, make: Callable[[Path], None], name: str) -> None:
    make(tmp_path / name)
    with pytest.raises(UnknownSourceError, match="which is a pipe, a device or a socket"):
        list_images(tmp_path / name, LIMITS)


def test_a_table_without_line_ends_is_not_read_whole(tmp_path: Path) -> None:
    make_huge(tmp_path / "x.csv")
    with pytest.raises(MalformedSourceError, match="more than 1,048,576 characters"):
        list_images(tmp_path / "x.csv", LIMITS)


def test_a_huge_image_of_each_source_is_refused_before_it_is_read(
    tmp_path: Path, fill: Fill, write_tar: Callable[[Path, Mapping[str, bytes]], Path]
) -> None:
    (tmp_path / "target").mkdir()
    make_huge(tmp_path / "target" / "big.jpg")
    fill(tmp_path / "folder" / "ants", 1)
    fill(tmp_path / "folder" / "bees", 1)
    make_huge(tmp_path / "folder" / "bees" / "000.jpg")
    tar = write_tar(tmp_path / "x.tar", {"1.jpg": bytes(10_001), "1.cls": b"ants"})
    for image in (list_images(tmp_path / "folder", LIMITS).images[-1], *list_images(tar, LIMITS).images):
        with pytest.raises(TooManyBytesError, match="at most 10,000 bytes"):
            image.read()
    [(_, reason)] = check_unlabelled(list_unlabelled(tmp_path / "target"), LIMITS).unreadable
    assert "at most 10,000 bytes, got 21,474,836,480" in reason


def test_an_image_as_large_as_the_limit_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(bytes(10_000))
    assert read_image_file(tmp_path / "a.jpg", LIMITS) == bytes(10_000)
