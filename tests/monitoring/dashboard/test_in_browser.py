"""The page in a real browser, which is asked for the document after a few seconds of its own time."""

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from store.database import Database

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
OPTIONS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--enable-logging=stderr",
    "--window-size=1400,2000",
]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium here: apt-get install chromium"),
]
Serve = Callable[[Database], str]


@pytest.fixture
def browse(tmp_path: Path) -> Callable[[str], str]:
    """Load an address; return the document as it then stands, after making sure that nothing complained."""

    def load(address: str) -> str:
        command = [str(CHROMIUM), *OPTIONS, f"--user-data-dir={tmp_path / 'profile'}"]
        done = subprocess.run(
            [*command, "--dump-dom", "--virtual-time-budget=4000", address],
            capture_output=True, text=True, timeout=120, check=True,
        )  # fmt: skip
        assert [line for line in done.stderr.splitlines() if "CONSOLE" in line] == []
        return done.stdout

    return load


def test_an_empty_store_is_said_to_be_empty(
    database: Database, serve: Serve, browse: Callable[[str], str]
) -> None:
    document = browse(serve(database))
    assert "No version yet" in document
    assert "No rounds yet: 500 more samples until the first." in document
    assert 'class="connection on"' in document


def test_a_store_with_a_past_is_shown_in_full(
    filled: Database, serve: Serve, browse: Callable[[str], str]
) -> None:
    document = browse(serve(filled) + "/#round-2")
    assert "Rejected: class bees (92 → 61 %) lost." in document
    assert "Attempt 2: interpolate" in document
    assert 'max="500"' in document
    assert "5 images to label." in document
    assert document.count('<img alt="Image to label"') == 5
    assert document.count("<circle") == 48
    assert re.search(r"<td[^>]*--share: 1.000[^>]*>93.5 %", document)


def test_a_class_name_with_markup_is_shown_as_text(
    filled: Database, serve: Serve, browse: Callable[[str], str]
) -> None:
    document = browse(serve(filled))
    assert "wasps &lt;b&gt;not bold&lt;/b&gt;" in document
    assert "<b>not bold" not in document
