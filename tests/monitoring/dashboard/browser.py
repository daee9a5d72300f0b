"""A real browser: the system's Chromium, and a page that fails its test where anything complains."""

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from playwright.sync_api import Browser, Page, Request, sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
Open = Callable[..., Page]


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start Chromium; it is stopped at the end."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        yield browser
        browser.close()


@dataclass
class Complaints:
    """What a page did that it should not: errors, violations of its policy, requests to elsewhere."""

    host: str
    expected: str = ""
    texts: list[str] = field(default_factory=list)

    def listen(self, page: Page) -> None:
        """Note what goes wrong on a page from now on."""
        page.on("console", lambda said: self._note(said.type, f"{said.text} {said.location['url']}"))
        page.on("pageerror", lambda error: self._note("error", str(error)))
        page.on("request", self._note_foreign)

    def _note(self, kind: str, text: str) -> None:
        is_expected = bool(self.expected) and self.expected in text
        if kind in ("error", "warning") and not is_expected:
            self.texts.append(f"{kind}: {text}")

    def _note_foreign(self, request: Request) -> None:
        own = tuple(f"{prefix}http://{self.host}/" for prefix in ("", "blob:"))
        if not request.url.startswith(own):
            self.texts.append(f"a request to {request.url}")


def words_of(page: Page, selector: str = "main") -> str:
    """Return the visible text of a part of a page, in one line."""
    return re.sub(r"\s+", " ", page.locator(selector).inner_text()).strip()
