"""Takes the pictures of the dashboard, of a server that runs: such as at the end of the tutorial."""

import argparse
import io
import shutil
import subprocess
import tempfile
from pathlib import Path

from PIL import Image

IMAGES = Path(__file__).parent / "images"
WIDTH = 1440
# As far as the list of rounds.
HEIGHT = 955
_CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
# As Chromium numbers them.
_SCHEMES = {"dark": 0, "light": 1}
_COLOURS = 64


def main() -> None:
    """Write one picture for each colour scheme."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url", nargs="?", default="http://127.0.0.1:3000", help="where the server listens")
    url = parser.parse_args().url
    for scheme in _SCHEMES:
        picture = photograph(url, scheme)
        # Few colours: a page's flat surfaces stay as they are, and the file is a third.
        small = picture.quantize(_COLOURS, dither=Image.Dither.NONE)
        small.save(IMAGES / f"dashboard-{scheme}.png", optimize=True)


def photograph(url: str, scheme: str) -> Image.Image:
    """Return the page at an address as a browser shows it, 1,440 pixels wide.

    Raises:
        FileNotFoundError: There is no Chromium on this machine.
    """
    browser = next(filter(None, map(shutil.which, _CHROMIUM)), None)
    if browser is None:
        raise FileNotFoundError(f"Expected one of {', '.join(_CHROMIUM)}, found none. Install chromium.")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "page.png"
        options = (
            *("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run"),
            *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
            f"--blink-settings=preferredColorScheme={_SCHEMES[scheme]}",
            *(f"--window-size={WIDTH},{HEIGHT}", "--virtual-time-budget=6000"),
            *(f"--screenshot={file}", f"--user-data-dir={folder}/profile"),
        )
        subprocess.run([browser, *options, url], check=True, capture_output=True, timeout=120)
        return Image.open(io.BytesIO(file.read_bytes())).convert("RGB")


if __name__ == "__main__":
    main()
