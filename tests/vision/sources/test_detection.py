from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from vision.decoding import ImageLimits
from vision.errors import NoImagesError, SourceMissingError, UnknownSourceError
from vision.sources.checking import CheckedImages
from vision.sources.detection import list_images

Checked = Callable[..., CheckedImages]
WriteTar = Callable[[Path, Mapping[str, bytes]], Path]


def test_a_csv_inside_the_named_folder_is_listed(
    tmp_path: Path, jpeg: Callable[[int], bytes], checked: Checked
) -> None:
    (tmp_path / "images").mkdir()
    for number in range(2):
        (tmp_path / "images" / f"{number}.jpg").write_bytes(jpeg(number))
    (tmp_path / "labels.csv").write_text("path,label\nimages/0.jpg,ant\nimages/1.jpg,bee\n")
    assert checked(tmp_path).class_names == ("ant", "bee")


def test_two_formats_in_one_folder_are_refused_by_name(
    tmp_path: Path, jpeg: Callable[[int], bytes], write_tar: WriteTar
) -> None:
    write_tar(tmp_path / "a.tar", {"0.jpg": jpeg(0), "0.cls": b"0"})
    for name in ("ant", "bee"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "0.jpg").write_bytes(jpeg(1))
    with pytest.raises(UnknownSourceError, match="found class folders and tars"):
        list_images(tmp_path, ImageLimits())


@pytest.mark.parametrize("name", ["a.zip", "a.tar.gz", "a"])
def test_other_files_are_refused_with_what_is_accepted(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(UnknownSourceError, match=r"\.csv, \.parquet, \.tar"):
        list_images(tmp_path / name, ImageLimits())


def test_a_missing_source_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceMissingError, match=r"lost\.csv"):
        list_images(tmp_path / "lost.csv", ImageLimits())


def test_only_held_out_images_are_refused(
    tmp_path: Path, jpeg: Callable[[int], bytes], write_tar: WriteTar, checked: Checked
) -> None:
    images = {
        f"{n}.{end}": content for n in range(2) for end, content in (("jpg", jpeg(n)), ("cls", b"%d" % n))
    }
    write_tar(tmp_path / "birds-val-000000.tar", images)
    with pytest.raises(NoImagesError, match="found some of val only"):
        checked(tmp_path)
