"""What holds of every page: it fits its window, everybody can read it, and nothing leaves the server."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Page

from store.database.database import Database
from tests.monitoring.conftest import FIRST_PREDICTION
from tests.monitoring.dashboard.browser import Open
from tests.monitoring.dashboard.test_pages import ADDRESSES

pytestmark = pytest.mark.slow
Serve = Callable[..., str]
AXE = (Path(__file__).parent / "axe" / "axe.min.js").read_text()
HEIGHT = 900
WINDOWS: tuple[tuple[int, Literal["light", "dark"]], ...] = (
    (360, "light"), (360, "dark"), (1440, "light"), (1440, "dark"),
)  # fmt: skip


def open_at(open_page: Open, address: str, width: int, scheme: str) -> Page:
    """Open a page in a window of some width, once its first answer is shown."""
    page = open_page(address, viewport={"width": width, "height": HEIGHT}, color_scheme=scheme)
    page.wait_for_load_state("networkidle")
    return page


def too_wide(page: Page) -> list[str]:
    """Return what reaches beyond the window; what scrolls in a box of its own does not."""
    reaching: list[str] = page.evaluate(
        """() => [...document.querySelectorAll("body *")].filter((node) => (
             node.getBoundingClientRect().right > document.documentElement.clientWidth + 1
             && !node.closest(".scroll, .plot, .unseen")
           )).map((node) => node.outerHTML.slice(0, 120))"""
    )
    return reaching


def serious(page: Page) -> list[Any]:
    """Return what axe finds that keeps somebody from reading or using a page."""
    # By the debugger, which the page's policy does not hold.
    page.evaluate(AXE)
    results = page.evaluate("() => axe.run(document)")
    return [
        (each["id"], [node["html"][:160] for node in each["nodes"]])
        for each in results["violations"]
        if each["impact"] in ("serious", "critical")
    ]


# Several processes collect the tests, and each has ids of its own.
@pytest.mark.parametrize(
    "address", ADDRESSES, ids=[each.replace(FIRST_PREDICTION, "ID") for each in ADDRESSES]
)
def test_a_page_fits_its_window_and_axe_finds_nothing_serious(
    filled: Database, serve: Serve, open_page: Open, address: str
) -> None:
    existing = address.replace("/rounds/12", "/rounds/2")
    page = open_at(open_page, serve(filled) + existing, 360, "light")
    for width, scheme in WINDOWS:
        page.set_viewport_size({"width": width, "height": HEIGHT})
        page.emulate_media(color_scheme=scheme)
        assert page.evaluate("document.documentElement.scrollWidth") == width, scheme
        assert too_wide(page) == [], (width, scheme)
        assert serious(page) == [], (width, scheme)


@pytest.mark.parametrize("address", [address for address in ADDRESSES if address.count("/") == 1])
def test_a_page_of_an_empty_store_says_what_to_do_and_leaves_no_box_empty(
    database: Database, serve: Serve, open_page: Open, address: str
) -> None:
    page = open_at(open_page, serve(database) + address, 1440, "light")
    for card in page.locator("main section:visible").all():
        assert len(card.inner_text().split()) > 3, card.inner_html()
    assert "Waiting for the first answer" not in page.content()
    assert serious(page) == []


def test_a_chart_takes_the_colours_of_the_scheme_that_comes(
    filled: Database, serve: Serve, open_page: Open
) -> None:
    page = open_at(open_page, serve(filled) + "/drift", 1440, "light")
    drawn = page.evaluate("document.querySelector('canvas').toDataURL()")
    page.emulate_media(color_scheme="dark")
    page.wait_for_function("(drawn) => document.querySelector('canvas').toDataURL() !== drawn", arg=drawn)
