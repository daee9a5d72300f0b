"""A real browser, which is asked for a page's document after a few seconds of its own time."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

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
Browse = Callable[..., str]

# The beginning of a script that waits for what it needs.
ELEMENT = """
const element = async (selector) => {
  for (;;) {
    const node = document.querySelector(selector);
    if (node) return node;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
};
"""


def document_of(address: str, profile: Path, expected: str = "nothing") -> str:
    """Load an address; return the document as it then stands, after making sure that nothing complained."""
    command = [str(CHROMIUM), *OPTIONS, f"--user-data-dir={profile}"]
    done = subprocess.run(
        [*command, "--dump-dom", "--virtual-time-budget=8000", address],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    complaints = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    assert [line for line in complaints if expected not in line] == []
    return done.stdout
