"""The dashboard's routes: a page for each address, with their style and scripts.

A page is a frame: menu, headings, and what to do where there is nothing yet. It holds no figure and so no
secret; its script asks `/v1` for what it shows, with the reader's key where the server wants one.
"""

from os import stat_result
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from monitoring.dashboard.menu import MENU, PAGES, Page
from monitoring.dashboard.terms import TERMS

FOLDER = Path(__file__).parent

# Nothing comes from elsewhere and nothing is inline. Images are fetched with the reader's key and shown
# from memory, hence blob:.
CONTENT_SECURITY_POLICY = (
    "default-src 'self'; img-src 'self' blob:; object-src 'none'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    # Asks each time, and gets 304 while nothing changed: a page never runs last release's script.
    "Cache-Control": "no-cache",
}
_TEMPLATES = Environment(
    loader=FileSystemLoader(FOLDER / "templates"), autoescape=True, trim_blocks=True, lstrip_blocks=True
)


def dashboard_routes() -> list[BaseRoute]:
    """Return the routes of the pages and of `/static/…`; none needs a key, for none holds a secret."""
    return [
        *(_route(page) for page in PAGES),
        Mount("/static", app=_Static(directory=FOLDER / "static"), name="static"),
    ]


def render(page: Page, path_params: dict[str, Any]) -> str:
    """Return a page as HTML; what stands in its address may stand in its title."""
    template = _TEMPLATES.get_template(f"{page.name}.html")
    return template.render(page=page, title=page.title.format(**path_params), menu=MENU, terms=TERMS)


def _route(page: Page) -> Route:
    async def answer(request: Request) -> Response:
        return Response(render(page, request.path_params), media_type="text/html", headers=HEADERS)

    return Route(page.path, answer, methods=["GET"])


class _Static(StaticFiles):
    """Static files with the pages' headers."""

    def file_response(self, full_path: Any, stat_result: stat_result, *args: Any, **kwargs: Any) -> Response:
        response = super().file_response(full_path, stat_result, *args, **kwargs)
        response.headers.update(HEADERS)
        return response
