import importlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from vision.decoding import ImageLimits
from vision.errors import MalformedSourceError, ReaderMissingError
from vision.sources import parquet
from vision.sources.checking import CheckedImages
from vision.sources.detection import list_images

Checked = Callable[..., CheckedImages]
Jpeg = Callable[[int], bytes]


def write(path: Path, images: list[Any], labels: list[Any], names: list[str] | None = None) -> Path:
    table = pa.table({"image": images, "label": labels})
    if names is not None:
        features = {"features": {"label": {"names": names, "_type": "ClassLabel"}}}
        table = table.replace_schema_metadata({"huggingface": json.dumps({"info": features})})
    path.parent.mkdir(exist_ok=True)
    pq.write_table(table, path, row_group_size=3)
    return path


def test_a_file_as_hugging_face_writes_it(tmp_path: Path, jpeg: Jpeg, checked: Checked) -> None:
    images = [{"bytes": jpeg(n), "path": f"{n}.jpg"} for n in range(8)]
    file = write(tmp_path / "a.parquet", images, [n % 2 for n in range(8)], ["ant", "bee"])
    source = checked(file)
    assert source.class_names == ("ant", "bee")
    assert [image.label for image in source.images] == ["ant", "bee"] * 4
    # The images can be read in any order, and again.
    for n in (7, 0, 4, 7):
        assert source.images[n].read() == jpeg(n)
    assert source.images[7].name == f"{file} row 7"


def test_the_files_of_a_folder_name_their_split(tmp_path: Path, jpeg: Jpeg, checked: Checked) -> None:
    for part, num in (("train", 6), ("validation", 4), ("test", 2)):
        images = [{"bytes": jpeg(n), "path": None} for n in range(num)]
        labels = [str(n % 2) for n in range(num)]
        write(tmp_path / "data" / f"{part}-00000-of-00001.parquet", images, labels)
    source = checked(tmp_path)
    assert [len(source.of(split)) for split in ("train", "val", "test")] == [6, 4, 2]


def test_plain_bytes_and_numbers_without_names(tmp_path: Path, jpeg: Jpeg, checked: Checked) -> None:
    source = checked(write(tmp_path / "a.parquet", [jpeg(n) for n in range(4)], [3, 4, 3, 4]))
    assert source.class_names == ("3", "4")


def test_an_image_may_be_a_path_beside_the_file(tmp_path: Path, jpeg: Jpeg) -> None:
    (tmp_path / "0.jpg").write_bytes(jpeg(0))
    images = [{"bytes": None, "path": "0.jpg"}, {"bytes": jpeg(1), "path": None}]
    listing = list_images(write(tmp_path / "a.parquet", images, ["ant", "bee"]), ImageLimits())
    assert [image.read() for image in listing.images] == [jpeg(0), jpeg(1)]


@pytest.mark.parametrize(
    ("label", "reason"), [(-1, "an empty one"), (2, "an empty one"), (None, "an empty one")]
)
def test_rows_whose_label_has_no_name_are_listed(
    tmp_path: Path, jpeg: Jpeg, label: int | None, reason: str
) -> None:
    file = write(tmp_path / "a.parquet", [jpeg(0), jpeg(1)], [0, label], ["ant", "bee"])
    [(name, why)] = list_images(file, ImageLimits()).refused
    assert (name, reason in why) == (f"{file} row 1", True)


def test_rows_without_an_image_are_listed(tmp_path: Path, jpeg: Jpeg) -> None:
    images = [{"bytes": jpeg(0), "path": None}, {"bytes": None, "path": None}, None]
    file = write(tmp_path / "a.parquet", images, ["ant", "bee", "bee"])
    assert [name for name, _ in list_images(file, ImageLimits()).refused] == [
        f"{file} row 1",
        f"{file} row 2",
    ]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"img": [b"a"], "label": ["ant"]}, "Expected columns image and label"),
        ({"image": [b"a"], "class": ["ant"]}, "names label"),
        ({"image": ["0.jpg"], "label": ["ant"]}, "column image is of type string"),
        ({"image": [{"path": "0.jpg"}], "label": ["ant"]}, "column image is of type struct"),
    ],
)
def test_other_columns_are_refused(tmp_path: Path, columns: dict[str, list[Any]], message: str) -> None:
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")
    with pytest.raises(MalformedSourceError, match=message):
        list_images(tmp_path / "a.parquet", ImageLimits())


def test_what_is_no_parquet_is_refused(tmp_path: Path, jpeg: Jpeg) -> None:
    intact = write(tmp_path / "a.parquet", [jpeg(0)], ["ant"]).read_bytes()
    for content in (b"", b"no parquet", intact[: len(intact) // 2]):
        (tmp_path / "b.parquet").write_bytes(content)
        with pytest.raises(MalformedSourceError, match=r"b\.parquet; found another"):
            list_images(tmp_path / "b.parquet", ImageLimits())


def test_without_pyarrow_the_error_names_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> Any:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(importlib, "import_module", missing)
    (tmp_path / "a.parquet").write_bytes(b"PAR1")
    with pytest.raises(ReaderMissingError, match=r"pip install 'perennial\[parquet\]'"):
        parquet.list_parquet(tmp_path / "a.parquet", ImageLimits())
