from collections.abc import Callable
from pathlib import Path

import pytest

from vision.decoding import ImageLimits
from vision.errors import (
    MalformedSourceError,
    NoImagesError,
    OneClassError,
    SmallClassError,
    UnreadableImagesError,
)
from vision.sources.checking import CheckedImages
from vision.sources.csv_file import list_csv, records

Checked = Callable[..., CheckedImages]


@pytest.fixture
def folder(tmp_path: Path, jpeg: Callable[[int], bytes]) -> Path:
    (tmp_path / "images").mkdir()
    for number in range(24):
        (tmp_path / "images" / f"{number}.jpg").write_bytes(jpeg(number))
    return tmp_path


def write(folder: Path, text: str) -> Path:
    file = folder / "labels.csv"
    file.write_text(text, encoding="utf-8")
    return file


def test_paths_are_relative_to_the_csv_and_rows_may_name_their_split(folder: Path, checked: Checked) -> None:
    rows = [f"images/{n}.jpg,{('ant', 'bee')[n % 2]},{('train', 'val', '')[n % 3]}" for n in range(24)]
    source = checked(write(folder, "Path,LABEL,Split\n" + "\n".join(rows) + "\n\n"))
    assert source.class_names == ("ant", "bee")
    assert [len(source.of(split)) for split in ("train", "val", None)] == [8, 8, 8]
    assert source.images[3].read() == (folder / "images" / "3.jpg").read_bytes()
    assert (source.images[3].label, source.images[3].name) == ("bee", str(folder / "images/3.jpg"))


@pytest.mark.parametrize(
    "text",
    [
        "path,label\nimages/0.jpg,ant\nimages/1.jpg,bee\n",
        "\ufeffpath;label\r\nimages/0.jpg;ant\r\nimages/1.jpg;bee\r\n",
        "label\tnote\tpath\nant\t\timages/0.jpg\nbee\tseen in May\timages/1.jpg",
        'path,label\n"images/0.jpg","ant"\n images/1.jpg , bee \n',
        "\ufeffsep=;\r\npath;label\r\nimages/0.jpg;ant\r\nimages/1.jpg;bee\r\n",
        "SEP=,\npath,label\nimages/0.jpg,ant\nimages/1.jpg,bee\n",
    ],
    ids=["commas", "as a spreadsheet saves it", "tabs", "quotes and spaces", "Excel's line", "in capitals"],
)
def test_the_csvs_that_people_have_are_all_read(folder: Path, text: str, checked: Checked) -> None:
    source = checked(write(folder, text))
    assert [image.label for image in source.images] == ["ant", "bee"]
    assert source.unreadable == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "Expected columns path and label .* found nothing"),
        ("images/0.jpg,ant\n", r"found 'images/0\.jpg', 'ant'. Add a header that names path and label"),
        ("path,class\nimages/0.jpg,ant\n", "Add a header that names label"),
        ("path,label,Label\nimages/0.jpg,ant,bee\n", "Expected one column label"),
        ('path,label\n"images/0.jpg,ant\n', "can't be read"),
        ('path,label\n"images/0.jpg"x,ant\n', "can't be read"),
    ],
    ids=["empty", "no header", "no label", "label twice", "open quote", "broken quote"],
)
def test_what_is_no_table_of_paths_and_labels_is_refused(folder: Path, text: str, message: str) -> None:
    with pytest.raises(MalformedSourceError, match=message):
        list_csv(write(folder, text), ImageLimits())


def test_another_encoding_is_refused_with_the_remedy(folder: Path) -> None:
    (folder / "labels.csv").write_bytes("path,label\nimages/0.jpg,Bär\n".encode("latin-1"))
    with pytest.raises(MalformedSourceError, match="UTF-8"):
        list_csv(folder / "labels.csv", ImageLimits())


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("images/0.jpg", "an empty one"),
        ("images/0.jpg,  ", "an empty one"),
        (",ant", "names no file"),
        ("images/0.jpg,ant,testing,", None),
        ("images/0.jpg,ant,tomorrow", "found 'tomorrow'"),
        (f"images/0.jpg,{'a' * 201}", "at most 200"),
        ("images/0.jpg,a\x07nt", "visible"),
    ],
)
def test_a_row_that_labels_nothing_is_listed_with_its_line(
    folder: Path, row: str, reason: str | None
) -> None:
    listing = list_csv(write(folder, f"path,label,split\nimages/1.jpg,bee\n{row}\n"), ImageLimits())
    assert len(listing.images) == (1 if reason else 2)
    if reason:
        [(name, why)] = listing.refused
        assert name == "labels.csv line 3"
        assert reason in why


def test_files_that_are_not_there_are_listed_up_to_the_share(folder: Path, checked: Checked) -> None:
    rows = [f"images/{n}.jpg,{('ant', 'bee')[n % 2]}" for n in range(24)]
    few = checked(write(folder, "\n".join(["path,label", *rows, "lost.jpg,ant", "images,bee"])))
    assert [name for name, _ in few.unreadable] == [str(folder / "lost.jpg"), str(folder / "images")]
    assert "No such file" in few.unreadable[0][1]
    with pytest.raises(UnreadableImagesError, match="found 4 of 28"):
        checked(write(folder, "\n".join(["path,label", *rows, *["lost.jpg,ant"] * 2, *["x.jpg,"] * 2])))


def test_one_class_is_refused_with_the_rows_that_hide_the_others(folder: Path, checked: Checked) -> None:
    rows = ["images/0.jpg,ant", "images/1.jpg,", ",bee"]
    with pytest.raises(
        OneClassError, match=r"found one, 'ant'(?s:.*)line 3: (?s:.*)line 4: It names no file"
    ):
        checked(write(folder, "\n".join(["path,label", *rows])))


def test_a_small_class_is_refused_with_its_unreadable_images(folder: Path, checked: Checked) -> None:
    rows = [f"images/{n}.jpg,{('ant', 'bee')[n % 2]}" for n in range(24)]
    table = write(folder, "\n".join(["path,label", *rows, "lost.jpg,wasp"]))
    with pytest.raises(SmallClassError, match=r"'wasp' has 0(?s:.*)lost\.jpg: (?s:.*)No such file"):
        checked(table)


def test_a_header_alone_is_refused(folder: Path, checked: Checked) -> None:
    with pytest.raises(NoImagesError, match="found none"):
        checked(write(folder, "path,label\n"))


def test_lines_are_counted_from_the_top_of_the_file(folder: Path) -> None:
    for start, line in (("", 2), ("sep=;\r\n", 3)):
        file = write(folder, f"{start}path;label\r\nimages/0.jpg;ant\r\n")
        assert [number for number, _ in records(file, ("path", "label"))] == [line]
