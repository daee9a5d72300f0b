"""The dashboard's routes: one page, with its style and scripts. All that it shows comes from `/v1`."""

from os import stat_result
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

FOLDER = Path(__file__).parent

# Nothing comes from elsewhere and nothing is inline. Images to label are fetched with the reader's key
# and shown from memory, hence blob:.
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


def dashboard_routes() -> list[BaseRoute]:
    """Return the routes `/` and `/static/…`; neither needs a key, for neither holds a secret."""
    return [
        Route("/", _page, methods=["GET"]),
        Mount("/static", app=_Static(directory=FOLDER / "static"), name="static"),
    ]


async def _page(request: Request) -> Response:
    return FileResponse(FOLDER / "index.html", media_type="text/html; charset=utf-8", headers=HEADERS)


class _Static(StaticFiles):
    """Static files with the page's headers."""

    def file_response(self, full_path: Any, stat_result: stat_result, *args: Any, **kwargs: Any) -> Response:
        response = super().file_response(full_path, stat_result, *args, **kwargs)
        response.headers.update(HEADERS)
        return response
