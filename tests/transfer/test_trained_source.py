"""`train` reads every format alike, and keeps near-duplicates in one part."""

import csv
import io
import json
import re
import shutil
import tarfile
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import Result
from PIL import Image

from perennial.settings.settings import Settings
from perennial.state import open_state
from store.kept_samples import kept_samples
from transfer.cuts import cut_three_ways
from transfer.trained_source import TrainRequest, train_source
from vision.sources.checking import CheckedImages
from vision.sources.listing import LabelledImage, Split
from vision.training.training import Epoch

TRAIN = ("--weights", "none", "--image-size", "32", "--epochs", "1")


@dataclass(frozen=True)
class Item:
    name: str
    content: bytes
    label: str
    split: str


def as_folder(place: Path, items: list[Item]) -> Path:
    for item in items:
        (place / item.split / item.label).mkdir(parents=True, exist_ok=True)
        (place / item.split / item.label / item.name).write_bytes(item.content)
    return place


def as_csv(place: Path, items: list[Item]) -> Path:
    with (place / "labels.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["path", "label", "split"])
        for item in items:
            (place / item.name).write_bytes(item.content)
            table.writerow([item.name, item.label, item.split])
    return place / "labels.csv"


def as_metadata(place: Path, items: list[Item]) -> Path:
    for item in items:
        (place / item.split).mkdir(exist_ok=True)
        (place / item.split / item.name).write_bytes(item.content)
        with (place / item.split / "metadata.jsonl").open("a") as file:
            file.write(json.dumps({"file_name": item.name, "label": item.label}) + "\n")
    return place


def as_parquet(place: Path, items: list[Item]) -> Path:
    names = sorted({item.label for item in items})
    features = {"label": {"names": names, "_type": "ClassLabel"}}
    for split in ("train", "val"):
        own = [item for item in items if item.split == split]
        images = [{"bytes": item.content, "path": item.name} for item in own]
        table = pa.table({"image": images, "label": [names.index(item.label) for item in own]})
        metadata = {"huggingface": json.dumps({"info": {"features": features}})}
        pq.write_table(table.replace_schema_metadata(metadata), place / f"{split}-00000-of-00001.parquet")
    return place


def as_tars(place: Path, items: list[Item]) -> Path:
    for split in ("train", "val"):
        with tarfile.open(place / f"colours-{split}-000000.tar", "w") as tar:
            for item in (item for item in items if item.split == split):
                key = Path(item.name).stem
                for name, content in ((item.name, item.content), (f"{key}.cls", item.label.encode())):
                    entry = tarfile.TarInfo(name)
                    entry.size = len(content)
                    tar.addfile(entry, io.BytesIO(content))
    return place


@pytest.fixture
def items(make_images: Callable[..., Path], tmp_path: Path) -> list[Item]:
    """40 pictures, of which a quarter is val, and a train picture that is nearly one of val."""
    items = []
    for file in sorted(make_images(tmp_path / "made").rglob("*.jpg")):
        label, number = file.parent.name, int(file.stem)
        items.append(Item(f"{label}{number}.jpg", file.read_bytes(), label, "val" if number < 5 else "train"))
    near = io.BytesIO()
    Image.open(io.BytesIO(items[0].content)).save(near, "JPEG", quality=70)
    assert items[0].split == "val"
    return [*items, Item("near.jpg", near.getvalue(), items[0].label, "train")]


@pytest.mark.parametrize("write", [as_folder, as_csv, as_metadata, as_parquet, as_tars])
def test_every_format_is_trained_on_with_near_duplicates_on_one_side(
    run_json: Callable[..., Any],
    items: list[Item],
    tmp_path: Path,
    settings: Settings,
    write: Callable[[Path, list[Item]], Path],
) -> None:
    (tmp_path / "source").mkdir()
    source = write(tmp_path / "source", items)
    trained = run_json("train", str(source), *TRAIN)
    assert (trained["classes"], trained["left_out"]) == (["blue", "red"], [])
    assert trained["num_train"] + trained["num_validation"] + trained["num_golden"] == 41
    # The ten pictures of val, and the one that is nearly one of them.
    assert trained["num_golden"] >= 11
    assert trained["num_near_duplicates"] >= 1
    with open_state(settings) as state:
        splits = {
            state.blobs.get(each.sample.sha256): each.sample.split for each in kept_samples(state.database)
        }
    assert splits[items[-1].content] == splits[items[0].content] == "golden"


def test_people_are_told_of_near_duplicates(
    run: Callable[..., Result], items: list[Item], tmp_path: Path
) -> None:
    (tmp_path / "source").mkdir()
    for_people = run("train", str(as_csv(tmp_path / "source", items)), *TRAIN).stdout
    assert re.search(r"\d+ images are nearly the same as one of another part", for_people)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", b"file,class\nx.jpg,ant\n", "Expected columns path and label"),
        ("a.csv", b"path,label\nx.jpg,ant\ny.jpg,bee\n", "found 2 of 2"),
        ("a.tar", b"no tar", "uncompressed tar"),
        ("a.parquet", b"no parquet", "Expected a parquet file"),
        ("a.zip", b"", "a file that ends in .csv, .parquet, .tar"),
    ],
)
def test_a_malformed_source_is_an_error_of_one_line(
    run: Callable[..., Result], tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    result = run("train", str(tmp_path / name), *TRAIN)
    assert result.exit_code == 2
    assert "Traceback" not in result.output
    assert message in result.stderr


def test_what_the_options_get_wrong_is_refused_before_anything_is_stored(
    run: Callable[..., Result], make_images: Callable[..., Path], tmp_path: Path, settings: Settings
) -> None:
    source = make_images(tmp_path / "images")
    result = run("train", str(source), "--backbone", "alexnet", "--weights", "none", "--image-size", "32")
    assert result.exit_code == 2
    assert "63 pixels or more, got 32" in result.stderr
    with open_state(settings) as state:
        assert list(kept_samples(state.database)) == []


def test_a_class_of_which_nothing_is_left_to_learn_from_is_refused_by_name(
    run: Callable[..., Result], make_images: Callable[..., Path], tmp_path: Path
) -> None:
    source = make_images(tmp_path / "images")
    for number in range(1, 20):
        shutil.copy(source / "red" / "0.jpg", source / "red" / f"{number}.jpg")
    result = run("train", str(source), *TRAIN)
    assert result.exit_code == 2
    assert "found none of 'red'" in result.stderr


@pytest.mark.slow
def test_what_is_no_part_of_the_source_is_told(
    run_json: Callable[..., Any], make_images: Callable[..., Path], tmp_path: Path
) -> None:
    source = make_images(tmp_path / "caf\udce9 [b]")
    (source / "#recycle").mkdir()
    (source / "blue" / "0.jpg").rename(source / "blue" / "caf\udce9.jpg")
    (source / "blue" / "caf\udce9.jpg").write_bytes(b"broken")
    trained = run_json("train", str(source), *TRAIN)
    (junk, _), (broken, _) = trained["left_out"]
    assert (junk, Path(broken).name) == ("#recycle", r"caf\xe9.jpg")


def class_missing_in(source: Path, part: str) -> Path:
    """Return a source whose class red is missing in a part that is judged or chosen on."""
    for name in ("val", "test"):
        for label in ("blue", "red"):
            (source.parent / "cut" / name / label).mkdir(parents=True)
    for label in ("blue", "red"):
        for number, file in enumerate(sorted((source / label).iterdir())):
            name = ("val", "test", "train")[min(number, 8) // 4]
            kept = "train" if (name, label) == (part, "red") else name
            (source.parent / "cut" / kept / label).mkdir(parents=True, exist_ok=True)
            shutil.copy(file, source.parent / "cut" / kept / label / file.name)
    return source.parent / "cut"


def test_a_class_without_golden_images_is_named_and_shown_as_not_judged(
    run: Callable[..., Result], make_images: Callable[..., Path], tmp_path: Path
) -> None:
    source = class_missing_in(make_images(tmp_path / "images"), "test")
    result = run("train", str(source), *TRAIN)
    assert result.exit_code == 0, result.output
    assert re.search(r"red +\S? *– \(no golden image\)", result.output)
    assert "No golden image shows 'red'" in " ".join(result.output.split())
    assert "No validation image" not in result.output


def test_json_names_a_class_that_is_not_judged_or_chosen_on(
    run_json: Callable[..., Any], make_images: Callable[..., Path], tmp_path: Path
) -> None:
    source = make_images(tmp_path / "images")
    unjudged = run_json("train", str(class_missing_in(source, "test")), *TRAIN)
    assert unjudged["class_accuracy"]["red"] is None
    assert unjudged["class_accuracy"]["blue"] is not None
    assert [text.partition(",")[0] for text in unjudged["warnings"]] == ["No golden image shows 'red'"]


def test_a_class_without_validation_images_is_named(
    run_json: Callable[..., Any], make_images: Callable[..., Path], tmp_path: Path
) -> None:
    trained = run_json("train", str(class_missing_in(make_images(tmp_path / "images"), "val")), *TRAIN)
    assert trained["class_accuracy"]["red"] is not None
    assert [text.partition(",")[0] for text in trained["warnings"]] == ["No validation image shows 'red'"]


def images_of(**counts: int) -> CheckedImages:
    splits: dict[str, Split | None] = {"none": None, "train": "train", "val": "val", "test": "test"}
    images = [
        LabelledImage(bytes, "ant", f"{name} {number}", splits[name])
        for name, count in counts.items()
        for number in range(count)
    ]
    return CheckedImages(("ant",), images, [])


@pytest.mark.parametrize(
    ("checked", "sizes"),
    [
        (images_of(none=100), {"train": 68, "validation": 12, "golden": 20}),
        (images_of(train=100), {"train": 68, "validation": 12, "golden": 20}),
        (images_of(train=100, val=30), {"train": 85, "validation": 15, "golden": 30}),
        (images_of(train=100, test=30), {"train": 85, "validation": 15, "golden": 30}),
        (images_of(train=100, val=30, test=40), {"train": 100, "validation": 30, "golden": 40}),
        (images_of(none=20, train=80, val=30), {"train": 85, "validation": 15, "golden": 30}),
    ],
    ids=["no parts", "train", "train and val", "train and test", "all three", "some without a part"],
)
def test_the_parts_that_a_source_names_are_kept(checked: CheckedImages, sizes: dict[str, int]) -> None:
    parts = cut_three_ways(checked)
    assert {name: len(images) for name, images in parts.items()} == sizes
    assert len({image.name for images in parts.values() for image in images}) == len(checked.images)
    if any(image.split == "test" for image in checked.images):
        assert {image.split for image in parts["golden"]} == {"test"}


@dataclass
class Recorder:
    """Records what a training reports."""

    steps: list[tuple[int, int]] = field(default_factory=list)
    epochs: list[Epoch] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    stages: set[str] = field(default_factory=set)
    warnings: list[str] = field(default_factory=list)

    def on_batch(self, done: int, total: int) -> None:
        self.steps.append((done, total))

    def on_epoch(self, epoch: Epoch) -> None:
        self.epochs.append(epoch)

    def on_run(self, name: str) -> None:
        self.names.append(name)

    def on_read(self, stage: str, done: int, total: int) -> None:
        self.stages.add(stage)

    def on_warning(self, text: str) -> None:
        self.warnings.append(text)


@pytest.mark.slow
def test_the_steps_of_all_seeds_are_reported_as_one_run(
    make_images: Callable[..., Path], tmp_path: Path, settings: Settings
) -> None:
    source = make_images(tmp_path / "images")
    request = TrainRequest(source, "test", weights="none", image_size=32, epochs=1, num_seeds=2)
    recorder = Recorder()
    with open_state(settings) as state:
        train_source(state, settings.train(), request, recorder)
    assert recorder.stages == {"checking", "storing"}
    assert [name.partition(",")[0] for name in recorder.names] == ["seed 0", "seed 1"]
    assert len(recorder.epochs) == 2
    assert all(before[0] + 1 == after[0] for before, after in pairwise(recorder.steps))
    assert recorder.steps[-1][0] == recorder.steps[-1][1]
