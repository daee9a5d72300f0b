import re
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from monitoring.dashboard.pages import FOLDER
from store.database.database import Database

FILES = sorted(FOLDER.glob("static/*"))
PAGE = FOLDER / "index.html"


@pytest.fixture
def client(database: Database, serve: Callable[[Database], str]) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=serve(database)) as client:
        yield client


def test_the_page_is_html_that_lets_nothing_foreign_in(client: httpx.Client) -> None:
    answer = client.get("/")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_static_files_are_served_and_requested_again_after_an_upgrade(client: httpx.Client) -> None:
    for path in FILES:
        answer = client.get(f"/static/{path.name}")
        assert answer.content == path.read_bytes()
        assert answer.headers["cache-control"] == "no-cache"
        again = client.get(f"/static/{path.name}", headers={"If-None-Match": answer.headers["etag"]})
        assert again.status_code == 304


def test_nothing_outside_of_the_static_folder_is_served(client: httpx.Client) -> None:
    assert client.get("/static/..%2findex.html").status_code == 404
    assert client.get("/static/%2e%2e/pages.py").status_code == 404


def test_every_file_that_the_page_names_is_there() -> None:
    named = re.findall(r'(?:src|href)="/static/([^"]+)"', PAGE.read_text())
    imported = [name for path in FILES if path.suffix == ".js" for name in imports(path)]
    assert {*named, *imported} == {path.name for path in FILES}


def imports(path: Path) -> list[str]:
    return re.findall(r'from "\./([^"]+)"', path.read_text())


@pytest.mark.parametrize("path", [PAGE, *FILES], ids=lambda path: path.name)
def test_no_file_names_another_host_or_sets_markup(path: Path) -> None:
    text = path.read_text().replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"https?://|//[a-z]+\.", text)
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(", text)


def test_the_page_has_no_inline_script_or_style() -> None:
    text = PAGE.read_text()
    assert not re.search(r"<script(?![^>]*\bsrc=)", text)
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=", text)


def test_every_element_that_the_scripts_ask_for_is_on_the_page() -> None:
    ids = set(re.findall(r'\bid="([^"]+)"', PAGE.read_text()))
    names = {
        name
        for path in FILES
        if path.suffix == ".js"
        for name in re.findall(r'byId\("([^"]+)"\)', path.read_text())
    }
    assert names <= ids
