from pathlib import Path
from typing import Any

import pytest

from perennial.archive import shards
from perennial.archive.exporting import export_samples
from perennial.archive.shards import ShardLimits, Shards
from perennial.archive.writers import folder_name
from perennial.errors import ArchiveError, TargetExistsError
from store.state import State
from vision.decoding import ImageLimits
from vision.sources.detection import list_images
from vision.sources.tar_shards import samples_in, tars_in


def limit(monkeypatch: pytest.MonkeyPatch, **limits: int) -> None:
    monkeypatch.setattr(Shards.__init__, "__defaults__", (ShardLimits(**limits),))


def test_a_shard_holds_no_more_samples_than_the_limit(
    full: State, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit(monkeypatch, max_samples=12)
    export_samples(full, tmp_path / "out")
    tars = tars_in(tmp_path / "out")
    assert [tar.name for tar in tars] == [f"samples-{number:06}.tar" for number in range(3)]
    assert [len(list(samples_in(tar))) for tar in tars] == [12, 12, 6]


def test_a_shard_is_no_larger_than_the_limit(
    full: State, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit(monkeypatch, max_bytes=40_000)
    export_samples(full, tmp_path / "out")
    tars = tars_in(tmp_path / "out")
    assert len(tars) > 1
    assert all(tar.stat().st_size <= 40_000 for tar in tars)
    assert sum(len(list(samples_in(tar))) for tar in tars) == 30


def test_a_single_tar_that_would_be_too_large_is_refused_and_leaves_nothing(
    full: State, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit(monkeypatch, max_samples=29)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(ArchiveError, match="Name a folder"):
        export_samples(full, tmp_path / "out.tar")
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("form", ["webdataset", "folder", "csv"])
def test_what_fails_in_the_middle_leaves_nothing(full: State, tmp_path: Path, form: Any) -> None:
    before = sorted(tmp_path.iterdir())

    def die(done: int, total: int) -> None:
        assert not (tmp_path / "out").exists()
        if done == 20:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export_samples(full, tmp_path / "out", form, die)
    assert sorted(tmp_path.iterdir()) == before


def test_the_error_of_a_full_disk_names_the_target(
    full: State, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shards, "sync_file", fail)
    with pytest.raises(OSError, match="No space left") as raised:
        export_samples(full, tmp_path / "out")
    assert raised.value.filename == str((tmp_path / "out").absolute())
    assert not (tmp_path / "out").exists()


def test_nothing_is_written_over(full: State, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    export_samples(full, tmp_path / "out")
    for target in (tmp_path / "out", tmp_path / "out" / "samples-000000.tar"):
        with pytest.raises(TargetExistsError, match="Name another"):
            export_samples(full, target)


def test_a_tar_is_of_one_format_only(full: State, tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="Name a folder"):
        export_samples(full, tmp_path / "out.tar", "csv")


@pytest.mark.parametrize("form", ["webdataset", "folder", "csv"])
def test_train_reads_what_was_exported_with_its_parts(full: State, tmp_path: Path, form: Any) -> None:
    export_samples(full, tmp_path / "out", form)
    listing = list_images(tmp_path / "out", ImageLimits())
    assert listing.class_names == ("ant", "bee/wasp")
    assert (len(listing.images), len(listing.refused)) == (28, 2)
    assert {image.split for image in listing.images} == {"train", "val", "test"}


def test_an_empty_home_gives_an_archive_of_nothing(open_home: Any, tmp_path: Path) -> None:
    assert export_samples(open_home("empty"), tmp_path / "out").num_samples == 0
    assert [tar.name for tar in tars_in(tmp_path / "out")] == ["samples-000000.tar"]


@pytest.mark.parametrize("label", ["a/b", "..", ".hidden", "metadata.jsonl", "é" * 200, "a\\b", "100 %", "?"])
def test_a_class_folder_has_a_unique_name_that_the_system_accepts(tmp_path: Path, label: str) -> None:
    names = [folder_name(each) for each in (label, f"{label}x", "plain")]
    assert len(set(names)) == 3
    assert names[0] not in {"metadata.jsonl", ".", ".."}
    (tmp_path / names[0]).mkdir()
    assert [path.name for path in tmp_path.iterdir()] == names[:1]
