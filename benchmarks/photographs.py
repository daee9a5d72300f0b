"""CIFAR-10 photographs, cut into those for training, those that users send later, and unseen ones."""

import io
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

# The repository's development data; `--data` names another archive.
DEFAULT_ARCHIVE = Path(__file__).parents[2] / "shared" / "data" / "cifar10-subset.tar.xz"


@dataclass(frozen=True, slots=True)
class Photograph:
    """One picture with its true class."""

    content: bytes
    label: str


@dataclass(frozen=True, slots=True)
class World:
    """The cut of one seed; no picture is in two parts.

    Attributes:
        initial: What `train` gets, by day.
        feedback: What users send later, by night.
        load: What they send for prediction meanwhile, by day.
        unseen_old: By day, for the final measurement only.
        unseen_new: By night, likewise.
    """

    initial: tuple[Photograph, ...]
    feedback: tuple[Photograph, ...]
    load: tuple[Photograph, ...]
    unseen_old: tuple[Photograph, ...]
    unseen_new: tuple[Photograph, ...]


def night(photograph: Photograph, rng: np.random.Generator) -> Photograph:
    """Return the picture as a camera sees it at night: blurred, at 20–40 % of the light, with noise."""
    image = Image.open(io.BytesIO(photograph.content)).convert("RGB")
    blurred = image.filter(ImageFilter.GaussianBlur(rng.uniform(0.4, 0.8)))
    pixels = np.asarray(blurred, dtype=np.float32) * rng.uniform(0.2, 0.4)
    noisy = pixels + rng.normal(0.0, 10.0, pixels.shape)
    buffer = io.BytesIO()
    Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8)).save(buffer, "JPEG", quality=90)
    return Photograph(buffer.getvalue(), photograph.label)


def make_world(
    archive: Path,
    seed: int,
    *,
    num_initial: int,
    num_feedback: int,
    num_unseen: int,
    num_classes: int = 10,
    is_shifted: bool = False,
) -> World:
    """Cut the archive, evenly over the classes.

    Args:
        archive: A tar of `train/CLASS/*` and `test/CLASS/*`.
        seed: Decides which picture is in which part, and how the night looks.
        num_initial: Pictures of `train` for the initial training.
        num_feedback: Pictures of `train` that come later.
        num_unseen: Pictures of `test` of each kind, by day and by night.
        num_classes: The first so many classes, by name.
        is_shifted: By night each class has the name of the next, so that what knows the day is nearly
            always wrong.
    """
    rng = np.random.default_rng(seed)
    train, test = (
        dict(sorted(read_by_class(archive, part, rng).items())[:num_classes]) for part in ("train", "test")
    )
    following = dict(zip(train, [*list(train)[1:], *list(train)[:1]], strict=True)) if is_shifted else {}
    later = num_initial + num_feedback
    return World(
        initial=turns(train, 0, num_initial),
        feedback=_by_night(turns(train, num_initial, later), rng, following),
        load=turns(train, later, later + 2000),
        unseen_old=turns(test, 0, num_unseen),
        unseen_new=_by_night(turns(test, num_unseen, 2 * num_unseen), rng, following),
    )


def write_folder(photographs: Sequence[Photograph], directory: Path) -> None:
    """Write `directory/CLASS/NUMBER.jpg`."""
    for number, photograph in enumerate(photographs):
        path = directory / photograph.label / f"{number:05}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(photograph.content)


def _by_night(
    photographs: Sequence[Photograph], rng: np.random.Generator, names: Mapping[str, str]
) -> tuple[Photograph, ...]:
    """Return the pictures by night; `names` maps a class to what it is called then."""
    dark = (night(photograph, rng) for photograph in photographs)
    return tuple(replace(each, label=names.get(each.label, each.label)) for each in dark)


def turns(by_class: Mapping[str, Sequence[Photograph]], start: int, stop: int) -> tuple[Photograph, ...]:
    """Return pictures `start` to `stop` of a list in which the classes take turns."""
    num_classes = len(by_class)
    taken = zip(
        *(pictures[start // num_classes : stop // num_classes] for pictures in by_class.values()), strict=True
    )
    return tuple(photograph for turn in taken for photograph in turn)


def read_by_class(archive: Path, part: str, rng: np.random.Generator) -> dict[str, list[Photograph]]:
    """Return the pictures of `train` or `test` by their class, in random order, equally many of each."""
    by_class: dict[str, list[tuple[str, Photograph]]] = {}
    for name, label, content in _members(archive, part):
        by_class.setdefault(label, []).append((name, Photograph(content, label)))
    shortest = min(len(pictures) for pictures in by_class.values())
    shuffled = {}
    for label, pictures in sorted(by_class.items()):
        ordered = [photograph for _, photograph in sorted(pictures, key=lambda pair: pair[0])]
        shuffled[label] = [ordered[index] for index in rng.permutation(len(ordered))[:shortest]]
    return shuffled


def _members(archive: Path, part: str) -> Iterator[tuple[str, str, bytes]]:
    with tarfile.open(archive) as tar:
        for member in tar:
            parts = Path(member.name).parts
            file = tar.extractfile(member) if member.isfile() else None
            if file is not None and len(parts) >= 3 and parts[-3] == part:
                yield member.name, parts[-2], file.read()
