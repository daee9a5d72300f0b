"""Folders as people have them: odd names, parts of any name, what systems leave behind, links, copies."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from vision.decoding import ImageLimits
from vision.errors import (
    ClassNameError,
    NoImagesError,
    OneClassError,
    SmallClassError,
    UnreadableImagesError,
)
from vision.sources.checking import CheckedImages
from vision.sources.detection import list_images
from vision.sources.folder_files import files_in

Checked = Callable[..., CheckedImages]
Fill = Callable[..., None]

CAFE_ON_MACOS = "cafe\u0301"
CAFE = "caf\u00e9"


def counts(checked: CheckedImages) -> dict[str, int]:
    return {name: sum(image.label == name for image in checked.images) for name in checked.class_names}


@pytest.mark.parametrize(
    ("folders", "class_names"),
    [
        ([CAFE_ON_MACOS, "tea"], (CAFE, "tea")),
        ([CAFE_ON_MACOS, CAFE, "tea"], (CAFE, "tea")),
        (["trail ", "trail", " road"], ("road", "trail")),
        (["red wine", 'it\'s "odd"', "50% & more"], ("50% & more", 'it\'s "odd"', "red wine")),
        (["\u05db\u05dc\u05d1", "\u0642\u0637"], ("\u05db\u05dc\u05d1", "\u0642\u0637")),
        (["a" * 200, "b" * 200], ("a" * 200, "b" * 200)),
        (["train", "bus", "car"], ("bus", "car", "train")),
    ],
    ids=["macOS", "macOS and Linux", "spaces", "quotes", "right to left", "200 characters", "a train"],
)
def test_a_folders_name_becomes_a_label_as_users_send_it(
    tmp_path: Path, fill: Fill, checked: Checked, folders: list[str], class_names: tuple[str, ...]
) -> None:
    for folder in folders:
        fill(tmp_path / folder, 2)
    listing = checked(tmp_path)
    assert listing.class_names == class_names
    assert len(listing.images) == 2 * len(folders)


@pytest.mark.parametrize(
    ("folders", "message"),
    [
        (["ants", "Ants"], "'Ants' and 'ants'"),
        (["red wine", "red  wine"], "'red  wine' and 'red wine'"),
        (["ants", "new\nline"], r"new\\nline"),
        (["ants", " "], "an empty one"),
        (["ants", "a" * 201], "at most 200 characters, found 201"),
        (["ants", "caf\udce9"], r"caf\\xe9"),
    ],
    ids=["case", "inner space", "line break", "nothing but space", "too long", "no UTF-8"],
)
def test_a_folder_that_is_no_class_or_a_twin_is_refused_by_name(
    tmp_path: Path, fill: Fill, folders: list[str], message: str, checked: Checked
) -> None:
    for folder in folders:
        fill(tmp_path / folder, 2)
    with pytest.raises(ClassNameError, match=message):
        checked(tmp_path)


def test_a_twin_in_a_held_out_part_is_refused_with_both_names(tmp_path: Path, fill: Fill) -> None:
    for folder in ("train/ants", "train/bees", "val/Ants"):
        fill(tmp_path / folder, 2)
    with pytest.raises(ClassNameError, match="'ants' and 'Ants'"):
        list_images(tmp_path, ImageLimits())


@pytest.mark.parametrize(
    ("names", "sizes"),
    [
        (("Train", "Val"), {"train": 8, "val": 4}),
        (("train", "valid", "test"), {"train": 8, "val": 4, "test": 4}),
        (("TRAINING", "Validation", "Testing"), {"train": 8, "val": 4, "test": 4}),
        (("train", "val", "valid"), {"train": 8, "val": 8}),
        (("train", "holdout"), {"train": 8, "test": 4}),
        (("train", "Train"), {"train": 12}),
    ],
)
def test_parts_are_known_by_any_of_their_names(
    tmp_path: Path, fill: Fill, checked: Checked, names: tuple[str, ...], sizes: dict[str, int]
) -> None:
    for number, part in enumerate(names):
        for label in ("ants", "bees"):
            fill(tmp_path / part / label, 2 if number else 4)
    listing = checked(tmp_path)
    assert listing.class_names == ("ants", "bees")
    assert {split: len(listing.of(split)) for split in sizes} == sizes  # type: ignore[arg-type]  # parametrized
    assert len(listing.images) == sum(sizes.values())


def test_held_out_parts_without_a_train_folder_are_refused(tmp_path: Path, fill: Fill) -> None:
    for folder in ("valid/ants", "valid/bees", "test/ants", "test/bees"):
        fill(tmp_path / folder, 2)
    with pytest.raises(NoImagesError, match=r"Expected a folder train in .* beside test, valid"):
        list_images(tmp_path, ImageLimits())


def test_a_class_may_be_missing_in_val(tmp_path: Path, fill: Fill, checked: Checked) -> None:
    for folder in ("train/ants", "train/bees", "val/ants"):
        fill(tmp_path / folder, 2)
    assert [image.label for image in checked(tmp_path).of("val")] == ["ants"] * 2


def test_a_folder_beside_train_that_is_not_used_is_named(
    tmp_path: Path, fill: Fill, checked: Checked
) -> None:
    for folder in ("train/ants", "train/bees", "more"):
        fill(tmp_path / folder, 2)
    [(name, reason)] = checked(tmp_path).passed_over
    assert name == str(tmp_path / "more")
    assert "not used" in reason


def test_images_in_no_classs_folder_are_counted(tmp_path: Path, fill: Fill, checked: Checked) -> None:
    for folder in ("ants", "bees", "."):
        fill(tmp_path / folder, 3)
    [(name, reason)] = checked(tmp_path).passed_over
    assert (name, reason) == (str(tmp_path), "3 images are in no class's folder")


@pytest.mark.parametrize(
    "junk",
    [
        "@eaDir",
        "#recycle",
        "$RECYCLE.BIN",
        "System Volume Information",
        "lost+found",
        "__MACOSX",
        ".ipynb_checkpoints",
        ".Trash-1000",
    ],
)
def test_what_systems_and_tools_make_is_neither_a_class_nor_an_image(
    tmp_path: Path, fill: Fill, checked: Checked, junk: str
) -> None:
    for folder in ("ants", "bees", f"{junk}/deep", f"ants/{junk}", f"bees/{junk}/deep"):
        fill(tmp_path / folder, 2)
    listing = checked(tmp_path)
    assert counts(listing) == {"ants": 2, "bees": 2}
    shown = [] if junk.startswith(".") else [(junk, "systems and tools make such folders; there are 3")]
    assert list(listing.passed_over) == shown


def test_an_empty_junk_folder_hinders_nothing(tmp_path: Path, fill: Fill, checked: Checked) -> None:
    for folder in ("ants", "bees"):
        fill(tmp_path / folder, 2)
    (tmp_path / "lost+found").mkdir()
    assert checked(tmp_path).class_names == ("ants", "bees")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("caf\udce9.jpg", r"caf\xe9.jpg"),
        ("new\nline.jpg", r"new\nline.jpg"),
        ("red\x1b[31m.jpg", r"red\x1b[31m.jpg"),
        ('it\'s [b] "odd" & 50%.jpg', 'it\'s [b] "odd" & 50%.jpg'),
        ("\u202egpj.txt.jpg", r"\u202egpj.txt.jpg"),
        ("\u05db\u05dc\u05d1.jpg", "\u05db\u05dc\u05d1.jpg"),
        ("a" * 200 + ".jpg", "a" * 200 + ".jpg"),
    ],
    ids=["no UTF-8", "line break", "escape", "quotes", "override", "right to left", "200 characters"],
)
def test_a_file_of_any_name_is_read_and_shown_as_plain_text(
    tmp_path: Path, fill: Fill, checked: Checked, name: str, shown: str
) -> None:
    for folder in ("ants", "bees"):
        fill(tmp_path / folder, 1)
    (tmp_path / "bees" / "000.jpg").rename(tmp_path / "bees" / name)
    listing = checked(tmp_path)
    assert counts(listing) == {"ants": 1, "bees": 1}
    assert listing.images[1].name == f"{tmp_path}/bees/{shown}"
    listing.images[1].name.encode()


def test_links_are_read_where_they_lead_to_files_and_named_where_to_folders(
    tmp_path: Path, fill: Fill, checked: Checked
) -> None:
    source, outside = tmp_path / "source", tmp_path / "outside"
    fill(source / "ants", 20)
    fill(outside / "bees", 20)
    fill(outside / "one", 1)
    (source / "bees").symlink_to(outside / "bees")
    (source / "ants" / "linked.jpg").symlink_to(outside / "one" / "000.jpg")
    (source / "ants" / "gone.jpg").symlink_to(outside / "gone.jpg")
    (source / "ants" / "circle").symlink_to(source)
    os.mkfifo(source / "ants" / "pipe.jpg")
    listing = checked(source)
    assert counts(listing) == {"ants": 21, "bees": 20}
    assert listing.notes == [
        f"{source / 'bees'} is a link to {outside / 'bees'}, outside of the source: its images are used."
    ]
    [(gone, reason)] = listing.unreadable
    assert gone == str(source / "ants" / "gone.jpg")
    assert "No such file" in reason
    assert list(listing.passed_over) == [
        (str(source / "ants" / "circle"), "a link to a folder is not followed"),
        (
            str(source / "ants" / "pipe.jpg"),
            "no file, but a pipe, a device or a link to one; there are 1",
        ),
    ]


@pytest.mark.parametrize("target", ["/", "..", "."])
@pytest.mark.parametrize("part", [".", "train"])
def test_a_link_to_a_folder_that_holds_it_is_named_and_not_followed(
    tmp_path: Path, fill: Fill, checked: Checked, target: str, part: str
) -> None:
    root = tmp_path / "photographs" / part
    for folder in ("ants", "bees"):
        fill(root / folder, 3)
    (root / "circle").symlink_to(target)
    listing = checked(tmp_path / "photographs")
    assert counts(listing) == {"ants": 3, "bees": 3}
    assert listing.left_out == ((str(root / "circle"), "a link to a folder that holds it is not followed"),)


def test_a_link_within_the_source_needs_no_note(tmp_path: Path, fill: Fill, checked: Checked) -> None:
    for folder in ("ants", "bees/deep"):
        fill(tmp_path / "train" / folder, 3)
    (tmp_path / "train" / "bees" / "deep").rename(tmp_path / "deep")
    (tmp_path / "train" / "bees").rmdir()
    (tmp_path / "train" / "bees").symlink_to(tmp_path / "deep")
    listing = checked(tmp_path)
    assert counts(listing) == {"ants": 3, "bees": 3}
    assert listing.notes == []


def test_a_part_that_is_a_link_to_a_folder_outside_is_noted(
    tmp_path: Path, fill: Fill, checked: Checked
) -> None:
    for folder in ("source/train/ants", "source/train/bees", "outside/ants"):
        fill(tmp_path / folder, 3)
    (tmp_path / "source" / "val").symlink_to(tmp_path / "outside")
    listing = checked(tmp_path / "source")
    assert len(listing.of("val")) == 3
    [note] = listing.notes
    assert note.startswith(f"{tmp_path / 'source' / 'val'} is a link to {tmp_path / 'outside'}, outside")


@pytest.mark.parametrize("others", [(), ("wasps",)], ids=["no other class", "another class"])
@pytest.mark.parametrize("is_link", [False, True], ids=["copy", "link"])
def test_a_class_that_is_another_one_is_refused_with_the_reason(
    tmp_path: Path, fill: Fill, checked: Checked, is_link: bool, others: tuple[str, ...]
) -> None:
    for folder in ("ants", *others):
        fill(tmp_path / folder, 3)
    if is_link:
        (tmp_path / "bees").symlink_to(tmp_path / "ants")
    else:
        shutil.copytree(tmp_path / "ants", tmp_path / "bees")
    with pytest.raises(SmallClassError, match=r"'ants' has 0, 'bees' has 0(?s:.*)the same picture as"):
        checked(tmp_path)


def test_a_picture_in_two_classes_is_left_out_of_both(tmp_path: Path, fill: Fill, checked: Checked) -> None:
    for folder in ("ants", "bees"):
        fill(tmp_path / folder, 3)
    shutil.copy(tmp_path / "ants" / "000.jpg", tmp_path / "bees" / "copy.jpg")
    listing = checked(tmp_path)
    assert counts(listing) == {"ants": 2, "bees": 3}
    assert [name for name, _ in listing.contradicting] == [
        str(tmp_path / "ants" / "000.jpg"),
        str(tmp_path / "bees" / "copy.jpg"),
    ]
    assert listing.left_out == tuple(listing.contradicting)


def test_unreadable_images_with_odd_names_are_named_in_the_refusal(
    tmp_path: Path, fill: Fill, checked: Checked
) -> None:
    for folder in ("ants", "bees"):
        fill(tmp_path / folder, 2)
    (tmp_path / "ants" / "caf\udce9.jpg").write_bytes(b"broken")
    with pytest.raises(UnreadableImagesError, match=r"caf\\xe9\.jpg"):
        checked(tmp_path)


def test_a_folder_that_is_not_there_holds_nothing(tmp_path: Path) -> None:
    assert files_in(tmp_path / "nowhere").images == []


@pytest.mark.parametrize(
    "name",
    [
        "000.jfif",
        "000.JIF",
        "000.pjpeg",
        "000.pjp",
        "000.mpo",
        "000.apng",
        "000.hif",
        "000.jpe",
    ],
)
def test_an_image_under_each_ending_of_its_format_is_read(
    tmp_path: Path, fill: Fill, checked: Checked, name: str
) -> None:
    for folder in ("ants", "bees"):
        fill(tmp_path / folder, 1)
        (tmp_path / folder / "000.jpg").rename(tmp_path / folder / name)
    listing = checked(tmp_path)
    assert counts(listing) == {"ants": 1, "bees": 1}
    assert listing.left_out == ()


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        (["x.png.txt", "y.TXT"], "files that end in .txt are not read as images; there are 2"),
        (["x"], "files whose name has no ending are not read as images; there are 1"),
        (["x.jxl", "deep/y.jxl"], "files that end in .jxl are not read as images; there are 2"),
    ],
)
def test_other_files_of_a_class_are_counted_and_named(
    tmp_path: Path, fill: Fill, checked: Checked, names: list[str], reason: str
) -> None:
    for folder in ("ants", "bees", "bees/deep"):
        fill(tmp_path / folder, 2)
    for name in names:
        (tmp_path / "bees" / name).write_bytes(b"anything")
    named, why = checked(tmp_path).left_out[0]
    assert Path(named).parent.name in ("bees", "deep")
    assert why == reason


def test_files_that_systems_leave_are_not_named(tmp_path: Path, fill: Fill, checked: Checked) -> None:
    for folder in ("ants", "bees"):
        fill(tmp_path / folder, 2)
        for name in ("Thumbs.db", "desktop.ini", ".DS_Store", "._000.jpg", "Icon\r"):
            (tmp_path / folder / name).write_bytes(b"anything")
    assert checked(tmp_path).left_out == ()


def test_one_class_is_refused_with_what_was_passed_over(tmp_path: Path, fill: Fill) -> None:
    fill(tmp_path / "ants", 2)
    fill(tmp_path / "@eaDir", 2)
    with pytest.raises(OneClassError, match=r"found one, 'ants'(?s:.*)@eaDir: systems and tools make"):
        list_images(tmp_path, ImageLimits())


def test_classes_without_images_are_refused_with_the_files_that_they_hold(tmp_path: Path) -> None:
    for folder in ("ants", "bees"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "0.jxl").write_bytes(b"anything")
    with pytest.raises(NoImagesError, match=r"ants/0\.jxl: files that end in \.jxl(?s:.*)there are 2"):
        list_images(tmp_path, ImageLimits())
