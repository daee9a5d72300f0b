"""Takes the pictures of the dashboard, of a server that runs: such as at the end of the tutorial."""

import argparse
import io
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

IMAGES = Path(__file__).parent / "images"
WIDTH = 1440
# As far as the cards below the chart.
HEIGHT = 955
_CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
_SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
_COLOURS = 256
# Of the pages that the guide shows, in light alone.
_PAGES = {"round": "/rounds/1", "forgetting": "/forgetting", "drift": "/drift", "images": "/images"}


def main() -> None:
    """Write the overview in each colour scheme, and the pages of the guide."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url", nargs="?", default="http://127.0.0.1:3000", help="where the server listens")
    url = parser.parse_args().url
    with chromium() as browser:
        for scheme in _SCHEMES:
            _save(photograph(browser, f"{url}/", scheme), f"dashboard-{scheme}")
        for name, path in _PAGES.items():
            _save(photograph(browser, f"{url}{path}", "light"), f"dashboard-{name}")


def photograph(browser: Browser, address: str, scheme: Literal["light", "dark"]) -> Image.Image:
    """Return the page at an address as a browser shows it, 1,440 pixels wide, once its figures are there."""
    context = browser.new_context(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme=scheme)
    page = context.new_page()
    page.goto(address)
    page.wait_for_selector(".connection.on")
    page.wait_for_load_state("networkidle")
    taken = page.screenshot()
    context.close()
    return Image.open(io.BytesIO(taken)).convert("RGB")


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start Chromium.

    Raises:
        FileNotFoundError: There is none on this machine.
    """
    path = next(filter(None, map(shutil.which, _CHROMIUM)), None)
    if path is None:
        raise FileNotFoundError(f"Expected one of {', '.join(_CHROMIUM)}, found none. Install chromium.")
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])


def _save(picture: Image.Image, name: str) -> None:
    # Few colours: a page's flat surfaces stay as they are, and the file is a third. The octree keeps the
    # few that are not grey.
    small = picture.quantize(_COLOURS, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    small.save(IMAGES / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
