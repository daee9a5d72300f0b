"""Brings the files of others that the pages and their tests use, at fixed versions: `make vendored`."""

import hashlib
import subprocess
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGES = "monitoring/dashboard/static/vendor/uplot"
TESTS = "tests/monitoring/dashboard/axe"


@dataclass(frozen=True, slots=True)
class VendoredFile:
    """A file of an npm package, where it goes, and the SHA-256 that it must have."""

    package: str
    name: str
    folder: str
    sha256: str


FILES = (
    VendoredFile(
        "uplot@1.6.32",
        "dist/uPlot.esm.js",
        PAGES,
        "5dd9b3281aa64b461b42d9945f6adb2649d346502b12281a9ae0d46599a80eba",
    ),
    VendoredFile(
        "uplot@1.6.32",
        "dist/uPlot.min.css",
        PAGES,
        "df630c6a8d6f8eeaff264b50f73ce5b114f646ffd9a0bb74f049b0a00135fa04",
    ),
    VendoredFile(
        "uplot@1.6.32", "LICENSE", PAGES, "8f989229699b4fe2f1a0432d0e9edc338a8a911e250e2d1b01ecd770a5f5b1bd"
    ),
    VendoredFile(
        "axe-core@4.14.1",
        "axe.min.js",
        TESTS,
        "29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c",
    ),
    VendoredFile(
        "axe-core@4.14.1",
        "LICENSE",
        TESTS,
        "af175b9d96ee93c21a036152e1b905b0b95304d4ae8c2c921c7609100ba8df7e",
    ),
)


class ChangedFileError(Exception):
    """A file is not the one that was looked at."""


def main() -> None:
    """Write every file."""
    with tempfile.TemporaryDirectory() as folder:
        for package in dict.fromkeys(file.package for file in FILES):
            archive = _download(package, Path(folder))
            for file in FILES:
                if file.package == package:
                    _extract(archive, file)


def _download(package: str, folder: Path) -> Path:
    command = ["npm", "pack", "--silent", "--pack-destination", str(folder), package]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return folder / done.stdout.strip()


def _extract(archive: Path, file: VendoredFile) -> None:
    with tarfile.open(archive) as tar:
        member = tar.extractfile(f"package/{file.name}")
        content = member.read() if member else b""
    sha256 = hashlib.sha256(content).hexdigest()
    if sha256 != file.sha256:
        raise ChangedFileError(
            f"Expected {file.package}/{file.name} with SHA-256 {file.sha256}, found {sha256}. "
            "Look at what changed before you write the new one down."
        )
    target = ROOT / file.folder / Path(file.name).name
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)


if __name__ == "__main__":
    main()
