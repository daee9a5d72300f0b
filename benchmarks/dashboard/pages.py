"""Loads the dashboard's pages in headless Chromium, and times them and what they ask for."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median
from urllib.parse import urlsplit

import httpx
from playwright.sync_api import Browser

from benchmarks.dashboard.logged import Sizes
from monitoring.dashboard.menu import PAGES

_TIMES = 3
# Milliseconds since the navigation began, and bytes as they came over the wire.
_FIGURES = """
() => new Promise((resolve) => {
  new PerformanceObserver((list) => {
    const paint = list.getEntries().at(-1).startTime;
    const entries = ["navigation", "resource"].flatMap((type) => performance.getEntriesByType(type));
    resolve({
      paint,
      loaded: Math.max(...entries.map((entry) => entry.responseEnd)),
      bytes: entries.reduce((sum, entry) => sum + entry.transferSize, 0),
      asked: entries.map((entry) => entry.name),
    });
  }).observe({ type: "largest-contentful-paint", buffered: true });
})
"""


@dataclass(frozen=True, slots=True)
class Load:
    """One load of a page with an empty cache.

    Attributes:
        milliseconds: Until the last answer that it waited for had come, and its largest part was painted.
        paint_milliseconds: Until its largest part was painted.
        num_bytes: What came over the wire, heads of answers included.
        asked: Addresses under `/v1` that it asked for, but images.
    """

    milliseconds: float
    paint_milliseconds: float
    num_bytes: int
    asked: frozenset[str]


def newest_prediction(url: str) -> str:
    """Return the id of a server's newest prediction."""
    answer = httpx.get(f"{url}/v1/predictions?limit=1", timeout=60, trust_env=False)
    return str(answer.raise_for_status().json()["predictions"][0]["id"])


def addresses(sizes: Sizes, prediction_id: str) -> list[str]:
    """Return an address of each page, those with a number or a name in them of something large."""
    given: Mapping[str, str] = {
        "{round_id:int}": str(sizes.num_rounds - 1),
        "{version}": f"v{sizes.num_versions}",
        "{prediction_id}": prediction_id,
        "{other}": f"v{sizes.num_versions - 1}",
    }
    paths = [page.path for page in PAGES]
    for name, text in given.items():
        paths = [path.replace(name, text) for path in paths]
    # A search reads many rows where it finds few.
    return [*paths, "/images?label=class+0007&source=camera+3"]


def load(browser: Browser, url: str) -> Load:
    """Load an address a few times, each time with an empty cache; return the load of median length."""
    loads = sorted((_load_once(browser, url) for _ in range(_TIMES)), key=lambda each: each.milliseconds)
    return loads[_TIMES // 2]


def answer_milliseconds(url: str) -> float:
    """Return the median time of an answer of the server's."""

    def once() -> float:
        begun = time.perf_counter()
        httpx.get(url, timeout=60, trust_env=False).raise_for_status()
        return 1000 * (time.perf_counter() - begun)

    return median(once() for _ in range(_TIMES))


def _load_once(browser: Browser, url: str) -> Load:
    with browser.new_context(viewport={"width": 1440, "height": 900}) as context:
        page = context.new_page()
        page.goto(url, timeout=120_000)
        page.wait_for_selector(".connection.on", timeout=120_000)
        page.wait_for_load_state("networkidle", timeout=120_000)
        figures = page.evaluate(_FIGURES)
    asked = frozenset(each for each in figures["asked"] if _is_figures(urlsplit(each).path))
    return Load(max(figures["loaded"], figures["paint"]), figures["paint"], figures["bytes"], asked)


def _is_figures(path: str) -> bool:
    """Return whether a path is answered from the database: an image is one file, and made up here."""
    return path.startswith("/v1/") and "/image" not in path
