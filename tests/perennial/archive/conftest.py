"""Homes with samples of every kind, and a comparison of what they hold."""

import io
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import Connection

from perennial.settings.settings import Settings
from perennial.state import open_state
from store.database.facts import write_fact
from store.kept_samples import kept_samples
from store.registry import promote
from store.samples.new_samples import NewSample
from store.samples.samples import add_sample
from store.samples.splits import SplitSettings
from store.state import State
from store.versions import NewVersion, add_version
from vision.decoding import ImageLimits, decode_image
from vision.perceptual_hash import perceptual_hash

CLASSES = ("ant", "bee/wasp")
Contents = dict[str, dict[str, Any]]


def picture(seed: int, form: str = "JPEG", quality: int = 92) -> bytes:
    blocks = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    content = io.BytesIO()
    Image.fromarray(blocks.repeat(4, axis=0).repeat(4, axis=1)).save(content, form, quality=quality)
    return content.getvalue()


def add(state: State, content: bytes, label: str, source: str = "clinic", **more: Any) -> str:
    sha256 = state.blobs.put(content)
    phash = perceptual_hash(decode_image(content, ImageLimits()))
    values = {"origin": "direct", **more}
    new = NewSample(sha256=sha256, phash=phash, source=source, label=label, **values)
    state.database.write(lambda connection: add_sample(connection, new, CLASSES, SplitSettings()))
    return sha256


def contents_of(state: State) -> Contents:
    """Return all that survives an export and an import, by SHA-256."""
    names = ("label", "state", "origin", "source", "split", "group", "predicted_label", "created")
    return {
        kept.sample.sha256: {name: getattr(kept.sample, name) for name in names}
        | {"labels": [(each.given.source, each.given.label, each.created) for each in kept.labels]}
        for kept in kept_samples(state.database)
    }


def make_production(state: State, class_names: tuple[str, ...] = CLASSES) -> None:
    new = NewVersion(class_names=class_names, files={"artifact.json": state.blobs.put(b"{}")})

    def work(connection: Connection) -> None:
        promote(connection, add_version(connection, new, ()).version, reason="a test", actor="test")

    state.database.write(work)


@pytest.fixture
def open_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: Path
) -> Iterator[Callable[[str], State]]:
    """Return a function that opens the home of a name."""
    with ExitStack() as opened:

        def open_named(name: str) -> State:
            monkeypatch.setenv("PERENNIAL_HOME", str(tmp_path / name))
            return opened.enter_context(open_state(Settings.load()))

        yield open_named


@pytest.fixture(scope="session")
def full_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of `full`; copy it, don't change it."""
    home = tmp_path_factory.mktemp("full") / "home"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PERENNIAL_HOME", str(home))
        with open_state(Settings.load()) as state:
            fill(state)
    return home


@pytest.fixture
def full(full_home: Path, open_home: Callable[[str], State], tmp_path: Path) -> State:
    """A home with 30 samples of all origins, splits and states, under production of two classes."""
    shutil.copytree(full_home, tmp_path / "home")
    return open_home("home")


def fill(state: State) -> None:
    make_production(state)
    # The same splits in each run, so that all are there.
    state.database.write(lambda connection: write_fact(connection, "split_secret", "00" * 32))
    for seed in range(20):
        form = ("JPEG", "PNG", "WEBP")[seed % 3]
        add(state, picture(seed, form), CLASSES[seed % 2], f"key {seed % 3}")
    for seed, split in enumerate(("golden", "train", "validation"), start=20):
        add(state, picture(seed), "ant", "train", origin="initial", split=split)
    add(state, picture(23), "ant", origin="audit", group="patient 7")
    add(state, picture(24), "ant", origin="direct", group="patient 7")
    add(state, picture(25), "ant", origin="volunteered", predicted_label="bee/wasp")
    add(state, picture(26), "nobody knows")
    for label in ("bee/wasp", "ant"):
        add(state, picture(27), label, "corrects itself")
    for source in ("ann", "ben"):
        add(state, picture(28), CLASSES[source == "ben"], source)
    # A near-duplicate of a golden sample, which joins its split.
    add(state, picture(20, quality=80), "ant")


@pytest.fixture(name="tools")
def tools_fixture() -> Any:
    """The functions above, for test files, which can't import this one."""

    class Tools:
        add = staticmethod(add)
        make_production = staticmethod(make_production)
        picture = staticmethod(picture)
        contents_of = staticmethod(contents_of)

    return Tools
