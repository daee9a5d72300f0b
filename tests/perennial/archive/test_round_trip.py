"""What is exported from one home is the same in another."""

import hashlib
import json
import tarfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from perennial.archive import importing
from perennial.archive.exporting import export_samples
from perennial.archive.importing import import_samples
from store.evidence.disputes import open_disputes, settle
from store.kept_samples import kept_samples
from store.samples.samples import delete_sample
from store.samples.splits import SplitSettings
from store.state import State
from vision.decoding import ImageLimits

LIMITS = ImageLimits()
Open = Callable[[str], State]
PLACES = [("out", "webdataset"), ("out.tar", "webdataset"), ("out", "folder"), ("out", "csv")]


@pytest.mark.parametrize(("name", "form"), PLACES)
def test_an_empty_home_gets_the_same_samples_splits_and_sources(
    full: State, open_home: Open, tools: Any, tmp_path: Path, name: str, form: Any
) -> None:
    steps: list[tuple[int, int]] = []
    made = export_samples(full, tmp_path / name, form, lambda done, total: steps.append((done, total)))
    assert (made.num_samples, made.left_out) == (30, ())
    assert made.num_by_state == {"accepted": 28, "conflict": 1, "quarantined": 1}
    assert steps == [(done, 30) for done in range(1, 31)]
    before = tools.contents_of(full)
    assert Counter(each["state"] for each in before.values()) == {
        "accepted": 28,
        "conflict": 1,
        "quarantined": 1,
    }
    assert {each["split"] for each in before.values()} == {"train", "validation", "holdout", "golden"}

    empty = open_home("empty")
    report = import_samples(empty, tmp_path / name, LIMITS, SplitSettings())
    assert (report.num_added, report.num_known, report.num_moved, report.refused) == (30, 0, 0, [])
    assert tools.contents_of(empty) == before
    for sha256 in before:
        assert hashlib.sha256(empty.blobs.get(sha256)).hexdigest() == sha256

    again = import_samples(empty, tmp_path / name, LIMITS, SplitSettings())
    assert (again.num_added, again.num_labelled, again.num_known, again.refused) == (0, 0, 30, [])
    assert tools.contents_of(empty) == before


def test_a_home_whose_production_knows_other_classes_quarantines(
    full: State, open_home: Open, tools: Any, tmp_path: Path
) -> None:
    export_samples(full, tmp_path / "out")
    other = open_home("other")
    tools.make_production(other, ("ant", "spider"))
    import_samples(other, tmp_path / "out", LIMITS, SplitSettings())
    states = {(each["label"], each["state"]) for each in tools.contents_of(other).values()}
    assert states == {("ant", "accepted"), (None, "quarantined")}
    splits = {sha256: each["split"] for sha256, each in tools.contents_of(full).items()}
    assert {sha256: each["split"] for sha256, each in tools.contents_of(other).items()} == splits


def test_a_label_that_was_given_here_stays_and_the_other_is_refused(
    full: State, open_home: Open, tools: Any, tmp_path: Path
) -> None:
    export_samples(full, tmp_path / "out")
    sha256 = tools.add(full, tools.picture(0, "JPEG"), "bee/wasp", "key 0")
    before = tools.contents_of(full)
    report = import_samples(full, tmp_path / "out", LIMITS, SplitSettings())
    assert (report.num_added, report.num_known) == (0, 30)
    [(name, reason)] = report.refused
    assert sha256 in name
    assert "key 0 has given it another label here" in reason
    assert tools.contents_of(full) == before


def test_another_sources_label_is_added_and_may_be_a_conflict(
    full: State, open_home: Open, tools: Any, tmp_path: Path
) -> None:
    export_samples(full, tmp_path / "out")
    other = open_home("other")
    agreed = tools.add(other, tools.picture(0), "ant", "ann")
    disputed = tools.add(other, tools.picture(1, "PNG"), "ant", "ann")
    report = import_samples(other, tmp_path / "out", LIMITS, SplitSettings())
    assert (report.num_added, report.num_labelled, report.num_known) == (28, 2, 0)
    now = tools.contents_of(other)
    assert (now[agreed]["state"], now[disputed]["state"]) == ("accepted", "conflict")
    assert [(source, label) for source, label, _ in now[disputed]["labels"]] == [
        ("ann", "ant"),
        ("key 1", "bee/wasp"),
    ]


@pytest.mark.parametrize("is_trusted", [False, True])
@pytest.mark.parametrize(("name", "form"), PLACES)
def test_trust_is_taken_over_only_from_an_archive_that_is_trusted(
    open_home: Open, tools: Any, tmp_path: Path, name: str, form: Any, is_trusted: bool
) -> None:
    here, there = open_home("here"), open_home("there")
    for home in (here, there):
        tools.make_production(home)
    tools.add(here, tools.picture(1), "ant", "train", is_trusted=True, origin="initial", split="golden")
    tools.add(here, tools.picture(2), "ant", "ann", split="train")
    tools.add(here, tools.picture(2), "bee/wasp", "ben", split="train")
    with here.database.read() as connection:
        [dispute] = open_disputes(connection)
    here.database.write(lambda connection: settle(connection, dispute.id, "bee/wasp", "eve"))
    export_samples(here, tmp_path / name, form)
    import_samples(there, tmp_path / name, LIMITS, SplitSettings(), is_trusted=is_trusted)
    trusts = {kept.sample.label: kept.sample.is_trusted for kept in kept_samples(there.database)}
    assert trusts == ({"ant": True, "bee/wasp": True} if is_trusted else {"ant": False, None: False})


def test_an_archive_can_only_dispute_what_is_trusted_here(
    full: State, open_home: Open, tools: Any, tmp_path: Path
) -> None:
    other = open_home("other")
    tools.make_production(other)
    sha256 = tools.add(other, tools.picture(1, "PNG"), "ant", "ann", is_trusted=True)
    export_samples(full, tmp_path / "out")
    import_samples(other, tmp_path / "out", LIMITS, SplitSettings(), is_trusted=True)
    assert tools.contents_of(other)[sha256]["label"] == "ant"
    with other.database.read() as connection:
        disputed = [dispute for dispute in open_disputes(connection) if dispute.sha256 == sha256]
    assert [dispute.contradiction for dispute in disputed] == ["bee/wasp"]


def test_a_dispute_without_production_is_not_settled_by_a_third(
    full: State, open_home: Open, tools: Any, tmp_path: Path
) -> None:
    export_samples(full, tmp_path / "disputed")
    third = open_home("third")
    sha256 = tools.add(third, tools.picture(28), "ant", "cy")
    export_samples(third, tmp_path / "more")
    empty = open_home("empty")
    import_samples(empty, tmp_path / "disputed", LIMITS, SplitSettings())
    import_samples(empty, tmp_path / "more", LIMITS, SplitSettings())
    assert tools.contents_of(empty)[sha256]["state"] == "conflict"


def test_what_is_near_to_a_picture_here_is_kept_on_one_side_with_it(
    open_home: Open, tools: Any, tmp_path: Path
) -> None:
    here, there = open_home("here"), open_home("there")
    tools.add(here, tools.picture(1, quality=80), "ant", origin="initial", split="golden")
    tools.add(here, tools.picture(5), "ant", group="patient 7", origin="initial", split="holdout")
    near = tools.add(there, tools.picture(1), "ant", origin="initial", split="train")
    grouped = tools.add(there, tools.picture(2), "ant", group="patient 7", origin="initial", split="train")
    judge = tools.add(there, tools.picture(6), "ant", origin="initial", split="golden")
    tools.add(here, tools.picture(6, quality=80), "ant", origin="initial", split="train")
    far = tools.add(there, tools.picture(3), "ant", origin="initial", split="train")
    export_samples(there, tmp_path / "out")
    report = import_samples(here, tmp_path / "out", LIMITS, SplitSettings())
    now = tools.contents_of(here)
    splits = [now[sha256]["split"] for sha256 in (near, grouped, far, judge)]
    assert splits == ["holdout", "holdout", "train", "train"]
    assert (report.num_added, report.num_moved) == (4, 3)


def test_a_crash_in_the_middle_is_repaired_by_running_it_again(
    full: State, open_home: Open, tools: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export_samples(full, tmp_path / "out")
    empty = open_home("empty")
    monkeypatch.setattr(importing, "_GROUP", 8)

    def die(done: int, total: int) -> None:
        if done == 16:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_samples(empty, tmp_path / "out", LIMITS, SplitSettings(), die)
    assert len(tools.contents_of(empty)) == 16
    report = import_samples(empty, tmp_path / "out", LIMITS, SplitSettings())
    assert (report.num_added, report.num_known) == (14, 16)
    assert tools.contents_of(empty) == tools.contents_of(full)


def test_a_tar_names_each_image_by_its_sha_beside_its_fields(full: State, tmp_path: Path) -> None:
    export_samples(full, tmp_path / "out.tar")
    with tarfile.open(tmp_path / "out.tar") as tar:
        contents = {entry.name: tar.extractfile(entry).read() for entry in tar}  # type: ignore[union-attr]  # all are files
    assert Counter(Path(name).suffix for name in contents) == {".json": 30, ".jpg": 17, ".png": 7, ".webp": 6}
    for name, content in contents.items():
        if not name.endswith(".json"):
            key = hashlib.sha256(content).hexdigest()
            assert Path(name).stem == key
            assert json.loads(contents[f"{key}.json"])["sha256"] == key


def test_a_sample_whose_bytes_are_lost_is_left_out_and_named(full: State, tools: Any, tmp_path: Path) -> None:
    lost = tools.add(full, tools.picture(0), "ant")
    full.blobs.delete(lost)
    made = export_samples(full, tmp_path / "out")
    assert (made.num_samples, [name for name, _ in made.left_out]) == (29, [lost])


def test_a_deleted_sample_comes_back_by_importing(full: State, tools: Any, tmp_path: Path) -> None:
    export_samples(full, tmp_path / "out")
    before = tools.contents_of(full)
    full.database.write(lambda connection: delete_sample(connection, 3))
    assert import_samples(full, tmp_path / "out", LIMITS, SplitSettings()).num_added == 1
    assert tools.contents_of(full) == before
