"""Broken archives of many kinds: nothing crashes, and their other samples are imported."""

import io
import json
import os
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from perennial.archive.exporting import export_samples
from perennial.archive.importing import import_samples
from perennial.errors import ArchiveError
from store.samples.splits import SplitSettings
from store.state import State
from vision.decoding import ImageLimits
from vision.errors import MalformedSourceError

Members = dict[str, bytes]
Change = Callable[[Members, str], None]
Fields = dict[str, Any]


def set_field(name: str, value: Any) -> Change:
    def change(members: Members, key: str) -> None:
        fields = json.loads(members[f"{key}.json"])
        members[f"{key}.json"] = json.dumps({**fields, name: value}).encode()

    return change


def without_field(members: Members, key: str) -> None:
    fields = json.loads(members[f"{key}.json"])
    del fields["split"]
    members[f"{key}.json"] = json.dumps(fields).encode()


def set_json(content: bytes) -> Change:
    def change(members: Members, key: str) -> None:
        members[f"{key}.json"] = content

    return change


def set_image(content: Callable[[bytes], bytes]) -> Change:
    def change(members: Members, key: str) -> None:
        [name] = [name for name in members if name.startswith(key) and not name.endswith(".json")]
        members[name] = content(members[name])

    return change


def without_image(members: Members, key: str) -> None:
    [name] = [name for name in members if name.startswith(key) and not name.endswith(".json")]
    del members[name]


def without_json(members: Members, key: str) -> None:
    del members[f"{key}.json"]


def recorded_label(**fields: Any) -> Fields:
    return {"source": "ann", "label": "ant", "created": "2026-01-01T00:00:00Z", **fields}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (set_json(b"{"), "can't be read"),
        (set_json(b"[]"), "found list"),
        (set_json(b"[" * 50_000), "can't be read"),
        (set_json(b"\xff\xfe{}"), "can't be read"),
        (without_json, "no KEY.json"),
        (without_field, "field split"),
        (set_field("split", "test"), "field split"),
        (set_field("origin", "guessed"), "field origin"),
        (set_field("state", None), "field state"),
        (set_field("created", "2026-01-01T00:00:00"), "field created"),
        (set_field("created", "yesterday"), "field created"),
        (set_field("source", ""), "field source"),
        (set_field("source", "a" * 101), "field source"),
        (set_field("group", "a" * 201), "field group"),
        (set_field("group", "a\0b"), "field group"),
        (set_field("label", 7), "field label"),
        (set_field("labels", []), "field labels"),
        (set_field("labels", [recorded_label(label="")]), "field labels.0.label"),
        (set_field("labels", [recorded_label(label="a" * 201)]), "field labels.0.label"),
        (set_field("labels", [recorded_label(created=None)]), "field labels.0.created"),
        (set_field("labels", "ant"), "field labels"),
        (set_field("sha256", "../../secret"), "field sha256"),
        (set_field("sha256", "0" * 64), "SHA-256"),
        (set_field("surprise", 1), "field surprise"),
        (without_image, "no image"),
        (set_image(lambda content: b""), "bytes of an image, got none"),
        (set_image(lambda content: content[: len(content) // 2]), "truncated or corrupt"),
        (set_image(lambda content: content + b"more"), "SHA-256"),
        (set_image(lambda content: b"GIF89a" + content), "Expected a JPEG, PNG, WebP or AVIF"),
    ],
)
def test_one_broken_sample_is_refused_with_its_reason_and_the_others_are_imported(
    full: State, open_home: Any, tmp_path: Path, change: Change, reason: str
) -> None:
    export_samples(full, tmp_path / "out.tar")
    with tarfile.open(tmp_path / "out.tar") as tar:
        members = {entry.name: tar.extractfile(entry).read() for entry in tar}  # type: ignore[union-attr]  # all are files
    key = next(iter(members)).partition(".")[0]
    change(members, key)
    with tarfile.open(tmp_path / "broken.tar", "w") as tar:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    report = import_samples(open_home("empty"), tmp_path / "broken.tar", ImageLimits(), SplitSettings())
    assert report.num_added == 29
    [(name, why)] = report.refused
    assert name == f"{tmp_path / 'broken.tar'}:{key}"
    assert reason in why


def test_too_many_pixels_are_refused_by_the_header(full: State, open_home: Any, tmp_path: Path) -> None:
    export_samples(full, tmp_path / "out")
    with pytest.raises(ArchiveError, match="at most 1,023 pixels"):
        import_samples(open_home("empty"), tmp_path / "out", ImageLimits(max_pixels=1023), SplitSettings())


def test_a_tar_that_is_cut_off_is_refused_before_anything_is_written(
    full: State, open_home: Any, tools: Any, tmp_path: Path
) -> None:
    export_samples(full, tmp_path / "out.tar")
    content = (tmp_path / "out.tar").read_bytes()
    (tmp_path / "cut.tar").write_bytes(content[:20_000])
    empty = open_home("empty")
    with pytest.raises(MalformedSourceError, match="Copy it again"):
        import_samples(empty, tmp_path / "cut.tar", ImageLimits(), SplitSettings())
    assert tools.contents_of(empty) == {}


@pytest.mark.parametrize("form", ["folder", "csv"])
def test_an_image_that_is_missing_beside_a_table_is_refused(
    full: State, open_home: Any, tmp_path: Path, form: Any
) -> None:
    export_samples(full, tmp_path / "out", form)
    lost = next((tmp_path / "out").rglob("*.jpg"))
    lost.unlink()
    report = import_samples(open_home("empty"), tmp_path / "out", ImageLimits(), SplitSettings())
    assert report.num_added == 29
    assert "No such file" in report.refused[0][1]


def make_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def make_device(path: Path) -> None:
    path.unlink()
    path.symlink_to("/dev/zero")


def make_huge(path: Path) -> None:
    os.truncate(path, 20 * 1024**3)


@pytest.mark.parametrize("form", ["folder", "csv"])
@pytest.mark.parametrize(
    ("make", "reason"),
    [(make_pipe, "a pipe, a device"), (make_device, "a pipe, a device"), (make_huge, "Expected at most")],
)
def test_an_image_that_is_no_file_or_a_huge_one_is_refused_unread(
    full: State, open_home: Any, tmp_path: Path, form: Any, make: Callable[[Path], None], reason: str
) -> None:
    export_samples(full, tmp_path / "out", form)
    make(next((tmp_path / "out").rglob("*.jpg")))
    report = import_samples(open_home("empty"), tmp_path / "out", ImageLimits(), SplitSettings())
    assert report.num_added == 29
    assert reason in report.refused[0][1]


def test_a_path_that_no_file_can_have_is_refused(full: State, open_home: Any, tmp_path: Path) -> None:
    export_samples(full, tmp_path / "out", "folder")
    table = tmp_path / "out" / "metadata.jsonl"
    first, _, rest = table.read_text().partition("\n")
    fields = {**json.loads(first), "file_name": "a\0.jpg"}
    table.write_text(f"{json.dumps(fields)}\n{rest}")
    report = import_samples(open_home("empty"), tmp_path / "out", ImageLimits(), SplitSettings())
    assert report.num_added == 29
    assert "which no file can have" in report.refused[0][1]


@pytest.mark.parametrize("name", ["samples.csv", "a.tar"])
def test_an_archive_that_is_a_pipe_is_refused(open_home: Any, tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / name)
    with pytest.raises(ArchiveError, match="Expected an archive"):
        import_samples(open_home("empty"), tmp_path / name, ImageLimits(), SplitSettings())


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("lost", None),
        ("a.zip", b""),
        ("a.csv", b"path,label\n0.jpg,ant\n"),
        ("a.csv", b""),
        ("a.csv", b"path,sha256,labels\n0.jpg,abc,\n"),
        ("metadata.jsonl", b"{"),
        ("metadata.jsonl", b'{"file_name": "0.jpg", "label": "ant"}\n'),
        ("metadata.jsonl", b'{"file_name": ["0.jpg"]}\n'),
    ],
)
def test_what_no_export_wrote_is_refused_and_train_is_named(
    open_home: Any, tmp_path: Path, name: str, content: bytes | None
) -> None:
    folder = tmp_path / "place"
    folder.mkdir()
    if content is not None:
        (folder / name).write_bytes(content)
    place = folder if name == "metadata.jsonl" else folder / name
    with pytest.raises((ArchiveError, MalformedSourceError)) as raised:
        import_samples(open_home("empty"), place, ImageLimits(), SplitSettings())
    if raised.type is ArchiveError:
        assert "perennial train" in str(raised.value)
