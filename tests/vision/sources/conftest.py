"""Fixtures that encode pictures and write them in several formats."""

import io
import os
import tarfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from PIL import Image

from vision.decoding import ImageLimits
from vision.sources.checking import CheckedImages, check_images
from vision.sources.detection import list_images

Encode = Callable[..., bytes]
Picture = Callable[..., Image.Image]
Fill = Callable[..., None]


@pytest.fixture
def jpeg(encode: Encode, picture: Picture) -> Callable[[int], bytes]:
    """The bytes of a small picture, different for every number."""
    return lambda seed: encode(picture(12, 12, seed), "JPEG")


@pytest.fixture
def fill(picture: Picture) -> Fill:
    """Return a function that fills a folder with pictures, others in every folder."""

    def filled(folder: Path, num: int, suffix: str = ".jpg") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for index in range(num):
            seed = zlib.crc32(os.fsencode(f"{folder} {index}"))
            picture(12, 12, seed).save(folder / f"{index:03}{suffix}")

    return filled


@pytest.fixture
def write_tar() -> Callable[[Path, Mapping[str, bytes]], Path]:
    def written(path: Path, members: Mapping[str, bytes]) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tarfile.TarFile(path, "w") as tar:
            for name, content in members.items():
                entry = tarfile.TarInfo(name)
                entry.size = len(content)
                tar.addfile(entry, io.BytesIO(content))
        return path

    return written


@pytest.fixture
def checked() -> Callable[..., CheckedImages]:
    """Read and check a source whose classes may be small."""
    return lambda place, least=1: check_images(
        list_images(place, ImageLimits()), ImageLimits(), min_images_per_class=least
    )
