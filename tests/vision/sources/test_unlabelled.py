from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from vision.decoding import ImageLimits
from vision.errors import NoImagesError, SourceMissingError
from vision.sources.unlabelled import check_unlabelled, list_unlabelled

Encode = Callable[..., bytes]


def write(folder: Path, names: list[str], content: bytes) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def test_pictures_of_all_folders_below_are_listed_and_other_files_named(
    tmp_path: Path, encode: Encode
) -> None:
    png = encode(Image.new("RGB", (8, 8), "red"))
    write(tmp_path, ["a.png", "deep/er/b.JPG", ".hidden/c.png", "notes.txt"], png)
    files = list_unlabelled(tmp_path)
    assert [file.name for file in files.images] == ["a.png", "b.JPG"]
    images = check_unlabelled(files, ImageLimits())
    assert [images[index] for index in range(len(images))] == [(png, 0), (png, 0)]
    [(name, reason)] = images.passed_over
    assert name == str(tmp_path / "notes.txt")
    assert reason == "files that end in .txt are not read as images; there are 1"


def test_bad_files_are_named_and_no_error(tmp_path: Path, encode: Encode) -> None:
    write(tmp_path, ["good.png"], encode(Image.new("RGB", (8, 8))))
    write(tmp_path, ["bad.png", "worse.jpg"], b"no image")
    images = check_unlabelled(list_unlabelled(tmp_path), ImageLimits())
    assert len(images) == 1
    assert [Path(name).name for name, _ in images.unreadable] == ["bad.png", "worse.jpg"]


def test_a_folder_that_is_missing_or_empty_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceMissingError, match="there is none"):
        list_unlabelled(tmp_path / "nowhere")
    with pytest.raises(NoImagesError, match="found none"):
        list_unlabelled(tmp_path)
