import gzip
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from vision.decoding import ImageLimits, decode_image
from vision.errors import MalformedSourceError, NoImagesError, TooManyPixelsError
from vision.sources.checking import CheckedImages
from vision.sources.detection import list_images
from vision.sources.webdataset import list_webdataset

Checked = Callable[..., CheckedImages]
Jpeg = Callable[[int], bytes]
WriteTar = Callable[[Path, Mapping[str, bytes]], Path]


def members(jpeg: Jpeg, numbers: range) -> dict[str, bytes]:
    files = {}
    for n in numbers:
        files[f"{n:04}.jpg"] = jpeg(n)
        files[f"{n:04}.cls"] = str(n % 2).encode()
    return files


def test_an_image_and_its_class_share_a_name(
    tmp_path: Path, jpeg: Jpeg, write_tar: WriteTar, checked: Checked
) -> None:
    tar = write_tar(
        tmp_path / "birds.tar",
        {
            "a/0.json": b'{"label": "ant", "note": [1]}',
            "a/0.JPG": jpeg(0),
            "b/0.jpeg": jpeg(1),
            "b/0.cls": b" bee\n",
            "b/0.txt": b"seen in May",
            "2.png": jpeg(2),
            "2.cls": b"3",
            "2.json": b'{"width": 12}',
            "notes.txt": b"no sample",
        },
    )
    source = checked(tar)
    assert [image.label for image in source.images] == ["ant", "bee", "3"]
    assert [image.read() for image in source.images] == [jpeg(0), jpeg(1), jpeg(2)]
    assert source.images[1].name == f"{tar}:b/0"
    assert source.unreadable == []
    assert source.left_out == (
        (f"{tar}:notes", "without an image of a type that is read (.txt); there are 1"),
    )


def test_shards_name_their_split_and_a_field_goes_before(
    tmp_path: Path, jpeg: Jpeg, write_tar: WriteTar, checked: Checked
) -> None:
    write_tar(tmp_path / "birds-train-000000.tar", members(jpeg, range(4)))
    write_tar(tmp_path / "birds-train-000001.tar", members(jpeg, range(4, 6)))
    held_back = {"9.jpg": jpeg(9), "9.json": b'{"label": "1", "split": "holdout"}'}
    write_tar(tmp_path / "birds-val-000000.tar", members(jpeg, range(6, 8)) | held_back)
    source = checked(tmp_path)
    assert [len(source.of(split)) for split in ("train", "val", "test")] == [6, 2, 1]


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("x.json", b"{no json", "can't be read"),
        ("x.json", b"[1]", "found list"),
        ("x.json", b"{}", "an empty one"),
        ("x.json", b'{"label": 1.5}', "whole number"),
        ("x.cls", b"", "an empty one"),
        ("x.cls", b"\xff\xfe", "no text"),
        ("x.cls", b"a" * 2_000_000, "at most 1,048,576 bytes"),
        ("x.txt", b"bee", "no KEY.cls and no KEY.json"),
    ],
)
def test_an_image_without_a_usable_label_is_listed(
    tmp_path: Path, jpeg: Jpeg, write_tar: WriteTar, name: str, content: bytes, reason: str
) -> None:
    tar = write_tar(tmp_path / "a.tar", {**members(jpeg, range(2)), "x.jpg": jpeg(3), name: content})
    listing = list_webdataset(tar, ImageLimits())
    assert len(listing.images) == 2
    [(where, why)] = listing.refused
    assert (where, reason in why) == (f"{tar}:x", True)


def test_a_tar_that_is_cut_off_anywhere_in_a_file_is_refused(
    tmp_path: Path, jpeg: Jpeg, write_tar: WriteTar
) -> None:
    intact = write_tar(tmp_path / "whole.tar", members(jpeg, range(3))).read_bytes()
    cut = tmp_path / "cut.tar"
    for num_bytes in (100, 512 + 40, 512 + 1024 + 300):
        cut.write_bytes(intact[:num_bytes])
        with pytest.raises(MalformedSourceError, match=r"cut\.tar; it can't be read"):
            list_images(cut, ImageLimits())


@pytest.mark.parametrize(
    "content", [b"no tar at all" * 100, gzip.compress(b"\0" * 2000)], ids=["text", "gzip of nothing"]
)
def test_what_is_no_tar_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.tar").write_bytes(content)
    with pytest.raises(MalformedSourceError, match="uncompressed tar"):
        list_images(tmp_path / "a.tar", ImageLimits())


def test_a_tar_without_images_is_refused(tmp_path: Path, write_tar: WriteTar) -> None:
    with pytest.raises(NoImagesError, match=r"KEY\.jpg beside KEY\.cls"):
        list_images(write_tar(tmp_path / "a.tar", {"1.txt": b"a", "1.cls": b"1"}), ImageLimits())


def test_a_link_in_a_tar_leads_nowhere(tmp_path: Path, jpeg: Jpeg, write_tar: WriteTar) -> None:
    secret = tmp_path / "secret.jpg"
    secret.write_bytes(jpeg(5))
    tar = write_tar(tmp_path / "a.tar", members(jpeg, range(2)))
    with tarfile.TarFile(tar, "a") as archive:
        link = tarfile.TarInfo("z.jpg")
        link.type, link.linkname = tarfile.SYMTYPE, str(secret)
        archive.addfile(link)
    assert len(list_images(tar, ImageLimits()).images) == 2


def test_a_picture_of_too_many_pixels_is_never_decoded(
    tmp_path: Path, write_tar: WriteTar, encode: Callable[..., bytes], picture: Callable[..., object]
) -> None:
    tar = write_tar(tmp_path / "a.tar", {"0.png": encode(picture(64, 64)), "0.cls": b"1"})
    [image] = list_images(tar, ImageLimits()).images
    with pytest.raises(TooManyPixelsError):
        decode_image(image.read(), ImageLimits(max_pixels=64 * 63))
