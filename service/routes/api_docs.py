"""The routes of `/docs`: Swagger's page over `/openapi.json`, with nothing from elsewhere."""

from importlib.resources import files
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Route

from monitoring.dashboard.pages import CONTENT_SECURITY_POLICY, HEADERS

# Swagger's page styles its parts one by one, and has its icons in its style.
_POLICY = CONTENT_SECURITY_POLICY.replace(
    "img-src 'self' blob:", "img-src 'self' blob: data:; style-src 'self' 'unsafe-inline'"
)
_HEADERS = HEADERS | {"Content-Security-Policy": _POLICY}
_SWAGGER_FILES = ("swagger-ui.css", "swagger-ui-bundle.js")

_PAGE = """<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>Perennial: the API</title>
  <link rel="icon" href="/static/icon.svg" type="image/svg+xml">
  <link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
  <p>Where the server has keys, enter yours on <a href="/">the dashboard</a>, in this tab, and come back.</p>
  <div id="api"></div>
  <noscript>This page needs JavaScript; GET /openapi.json gives the same as JSON.</noscript>
  <script src="/docs/swagger-ui-bundle.js"></script>
  <script type="module" src="/docs/start.js"></script>
</body>
</html>
"""
_SCRIPT = """import { key } from "/static/api.js";

SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#api",
  deepLinking: true,
  validatorUrl: null,
  requestInterceptor: (request) => {
    if (key()) request.headers.Authorization = `Bearer ${key()}`;
    return request;
  },
});
"""


def api_docs_routes() -> list[BaseRoute]:
    """Return the routes `/docs` and `/docs/…`; neither needs a key, for neither holds a secret."""
    folder = Path(str(files("fastapi_offline"))) / "static"

    async def page(request: Request) -> Response:
        return Response(_PAGE, media_type="text/html", headers=_HEADERS)

    async def script(request: Request) -> Response:
        return Response(_SCRIPT, media_type="text/javascript", headers=_HEADERS)

    async def swagger_file(request: Request) -> Response:
        return FileResponse(folder / request.url.path.rpartition("/")[2], headers=_HEADERS)

    return [
        Route("/docs", page, methods=["GET"]),
        Route("/docs/start.js", script, methods=["GET"]),
        *(Route(f"/docs/{name}", swagger_file, methods=["GET"]) for name in _SWAGGER_FILES),
    ]
