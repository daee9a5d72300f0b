"""The pages and their files as they are sent, before any script runs."""

import re
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path

import httpx
import pytest

from monitoring.dashboard.menu import MENU, PAGES, Page, is_page
from monitoring.dashboard.pages import FOLDER, render
from store.database.database import Database
from tests.monitoring.conftest import FIRST_PREDICTION

STATIC = FOLDER / "static"
FILES = sorted(path for path in STATIC.rglob("*") if path.is_file())
OWN = [path for path in FILES if "vendor" not in path.parts]
SCRIPTS = [path for path in OWN if path.suffix == ".js"]
PARAMETERS = {"round_id": 12, "version": "v3", "other": "v1", "prediction_id": FIRST_PREDICTION}
ADDRESSES = [page.path.replace(":int", "").format(**PARAMETERS) for page in PAGES]


def html(page: Page) -> str:
    return render(page, PARAMETERS)


def name_of(path: Path) -> str:
    return str(path.relative_to(STATIC))


@pytest.fixture
def client(database: Database, serve: Callable[[Database], str]) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=serve(database)) as client:
        yield client


def test_each_page_is_html_that_lets_nothing_foreign_in(client: httpx.Client) -> None:
    for address in ADDRESSES:
        answer = client.get(address)
        assert answer.status_code == 200, address
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert "default-src 'self'" in answer.headers["content-security-policy"]
        assert "unsafe" not in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_what_stands_in_an_address_stands_in_the_title_as_text(client: httpx.Client) -> None:
    assert "<title>Round 12 · Perennial</title>" in client.get("/rounds/12").text
    assert "<h1>v3 against v1</h1>" in client.get("/versions/v3/against/v1").text
    hostile = client.get("/versions/%3Cscript%3E{0}").text
    assert "<h1>Version &lt;script&gt;{0}</h1>" in hostile


def test_an_address_that_is_no_page_is_not_found(client: httpx.Client) -> None:
    for address in ("/rounds/twelve", "/nowhere", "/versions/v1/v2"):
        assert client.get(address).status_code == 404
        assert not is_page(address)


def test_every_page_can_be_reached_from_the_menu_or_from_one_that_can() -> None:
    assert [page.path for page in MENU] == [
        f"/{page.name}" if page.name != "overview" else "/" for page in MENU
    ]
    for page in PAGES:
        assert f'href="/{page.section}"' in html(page) or page.section == "overview"
        assert html(page).count('aria-current="') == 1


def test_static_files_are_served_and_requested_again_after_an_upgrade(client: httpx.Client) -> None:
    for path in FILES:
        answer = client.get(f"/static/{name_of(path)}")
        assert answer.content == path.read_bytes()
        assert answer.headers["cache-control"] == "no-cache"
        again = client.get(f"/static/{name_of(path)}", headers={"If-None-Match": answer.headers["etag"]})
        assert again.status_code == 304


def test_nothing_outside_of_the_static_folder_is_served(client: httpx.Client) -> None:
    assert client.get("/static/..%2fpages.py").status_code == 404
    assert client.get("/static/%2e%2e/pages.py").status_code == 404


def test_every_file_is_named_and_every_name_is_a_file() -> None:
    named = {name for page in PAGES for name in re.findall(r'(?:src|href)="/static/([^"]+)"', html(page))}
    imported = {name for path in SCRIPTS for name in imports(path)}
    licences = {name_of(path) for path in FILES if path.name == "LICENSE"}
    assert named | imported | licences == {name_of(path) for path in FILES}


def imports(path: Path) -> list[str]:
    names = re.findall(r'(?:from|import) "(\.[^"]+)"', path.read_text())
    return [name_of((path.parent / name).resolve()) for name in names]


@pytest.mark.parametrize("path", OWN, ids=name_of)
def test_no_file_names_another_host_or_sets_markup(path: Path) -> None:
    refuse_foreign(path.read_text())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_page_names_another_host_or_has_something_inline(page: Page) -> None:
    text = html(page)
    refuse_foreign(text)
    assert not re.search(r"<script(?![^>]*\bsrc=)", text)
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=", text)


def refuse_foreign(text: str) -> None:
    text = text.replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"https?://|//[a-z]+\.", text)
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(", text)


class Ids(HTMLParser):
    """Collects the ids of a page's elements."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.ids += [value for name, value in attrs if name == "id" and value]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_element_that_a_pages_scripts_ask_for_is_on_it_once(page: Page) -> None:
    ids = Ids(html(page)).ids
    assert len(set(ids)) == len(ids)
    scripts, waiting = set(), [STATIC / "pages" / f"{page.name}.js"]
    while waiting:
        script = waiting.pop()
        scripts.add(script)
        waiting += {STATIC / name for name in imports(script)} - scripts - set(waiting)
    own = [path for path in scripts if "vendor" not in path.parts]
    asked = {name for path in own for name in re.findall(r'byId\("([^"]+)"\)', path.read_text())}
    assert asked - MADE_BY_SCRIPTS <= set(ids)


# What is looked for only where a script has made it.
MADE_BY_SCRIPTS = {"class-search"}
