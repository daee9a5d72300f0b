import json
from collections.abc import Callable
from pathlib import Path

import pytest

from vision.decoding import ImageLimits
from vision.errors import MalformedSourceError, NoImagesError
from vision.sources.checking import CheckedImages
from vision.sources.detection import list_images

Checked = Callable[..., CheckedImages]


@pytest.fixture
def fill(jpeg: Callable[[int], bytes]) -> Callable[[Path, int], None]:
    def filled(folder: Path, num: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for number in range(num):
            (folder / f"{number}.jpg").write_bytes(jpeg(number))

    return filled


def write_lines(folder: Path, num: int, prefix: str = "") -> None:
    lines = [{"file_name": f"{prefix}{n}.jpg", "label": ("ant", "bee")[n % 2]} for n in range(num)]
    with (folder / "metadata.jsonl").open("a") as file:
        file.writelines(json.dumps(line) + "\n" for line in lines)


def test_metadata_csv_names_the_classes(
    tmp_path: Path, fill: Callable[[Path, int], None], checked: Checked
) -> None:
    fill(tmp_path / "pictures", 2)
    (tmp_path / "metadata.csv").write_text(
        "file_name,text,label\npictures/0.jpg,small,ant\npictures/1.jpg,,bee\n"
    )
    source = checked(tmp_path)
    assert [(image.label, image.split) for image in source.images] == [("ant", None), ("bee", None)]


def test_each_part_may_have_metadata_of_its_own(
    tmp_path: Path, fill: Callable[[Path, int], None], checked: Checked
) -> None:
    for part, num in (("train", 6), ("validation", 4), ("test", 2)):
        fill(tmp_path / part, num)
        write_lines(tmp_path / part, num)
    source = checked(tmp_path)
    assert [len(source.of(split)) for split in ("train", "val", "test")] == [6, 4, 2]


def test_one_metadata_file_may_name_images_of_all_parts(
    tmp_path: Path, fill: Callable[[Path, int], None], checked: Checked
) -> None:
    for part, num in (("train", 6), ("val", 4)):
        fill(tmp_path / part, num)
        write_lines(tmp_path, num, f"{part}/")
    source = checked(tmp_path)
    assert [len(source.of(split)) for split in ("train", "val")] == [6, 4]


def test_numbers_are_labels_and_a_column_names_the_split(
    tmp_path: Path, fill: Callable[[Path, int], None]
) -> None:
    fill(tmp_path, 3)
    lines = [
        '{"file_name": "0.jpg", "label": 7}',
        '{"file_name": "1.jpg", "label": 8, "split": "train"}',
        '{"file_name": "2.jpg", "label": 8, "split": "golden"}',
    ]
    (tmp_path / "metadata.jsonl").write_text("\n".join(lines))
    images = list_images(tmp_path, ImageLimits()).images
    assert [(image.label, image.split) for image in images] == [("7", None), ("8", "train"), ("8", "test")]


def test_metadata_that_only_describe_leave_the_class_folders_in_force(
    tmp_path: Path, fill: Callable[[Path, int], None]
) -> None:
    fill(tmp_path / "ant", 2)
    fill(tmp_path / "bee", 2)
    (tmp_path / "metadata.csv").write_text("file_name,text\nant/0.jpg,small\n")
    assert list_images(tmp_path, ImageLimits()).class_names == ("ant", "bee")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("metadata.csv", "file_name,text\n0.jpg,small\n", "Add a header that names label"),
        ("metadata.jsonl", "{not json\n", "one JSON object a line"),
        ("metadata.jsonl", '["0.jpg", "ant"]\n', "line 1 holds list"),
        ("metadata.jsonl", "[" * 100_000, "can't be read"),
    ],
    ids=["no labels", "no JSON", "no object", "too deep"],
)
def test_metadata_that_cannot_be_read_are_refused(
    tmp_path: Path, fill: Callable[[Path, int], None], name: str, text: str, message: str
) -> None:
    fill(tmp_path, 2)
    (tmp_path / name).write_text(text)
    with pytest.raises(MalformedSourceError, match=message):
        list_images(tmp_path, ImageLimits())


@pytest.mark.parametrize("label", ["null", '""', "1.5", "true", "[1]", '{"a": 1}'])
def test_what_is_no_label_is_listed_with_its_line(
    tmp_path: Path, fill: Callable[[Path, int], None], checked: Checked, label: str
) -> None:
    fill(tmp_path, 1)
    (tmp_path / "metadata.jsonl").write_text(f'{{"file_name": "0.jpg", "label": {label}}}\n')
    with pytest.raises(NoImagesError, match=r"metadata\.jsonl line 1: (Expected a label|Expected a text)"):
        checked(tmp_path)
