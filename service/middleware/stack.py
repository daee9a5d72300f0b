"""What every request passes before it reaches a route, put together."""

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from service.middleware.access import Access
from service.middleware.answer_headers import AnswerHeaders
from service.middleware.body_limit import BodyLimit
from service.middleware.etags import ETags
from service.middleware.request_metrics import Observation, RequestMetrics
from service.middleware.unexpected_errors import UnexpectedErrors
from service.settings import ServiceSettings
from service.uploads import FORM, MAX_JSON_BYTES

# The paths that BentoML's own client calls. Our routes answer them, with our checks: BentoML would accept an
# image's address instead of an image, and fetch it.
ALIASES = {"/predict": "/v1/predict", "/feedback": "/v1/feedback"}
# What its client reads first, and whether the process is alive, which it is before the API is there. All
# other paths are ours: BentoML's errors have another shape, and its router costs time (ADR 10).
BENTOML_PATHS = frozenset({"/schema.json", "/livez", "/healthz"})
# What a multipart body may hold besides the image itself.
ENVELOPE_BYTES = 64 * 1024


class MiddlewareStack:
    """ASGI middleware around the API and what BentoML serves beside it."""

    def __init__(self, app: ASGIApp, settings: ServiceSettings, observe: Observation, api: ASGIApp) -> None:
        """Go around an app.

        Args:
            app: What BentoML serves.
            settings: Of limits and access.
            observe: Called with each answer.
            api: The API.
        """
        self._settings = settings
        inner: ASGIApp = Access(BodyLimit(_Fork(app, ETags(api)), self._max_bytes), settings.access)
        if settings.access.allowed_origins:
            # Outside of Access, because a browser's preflight carries no key.
            inner = CORSMiddleware(
                inner,
                allow_origins=settings.access.allowed_origins,
                allow_methods=("GET", "POST", "DELETE"),
                allow_headers=("Authorization", "Content-Type"),
            )
        self._app = RequestMetrics(AnswerHeaders(UnexpectedErrors(inner)), observe)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on, or answer it with an error."""
        if scope["type"] == "http" and scope["method"] == "POST" and scope["path"] in ALIASES:
            path = ALIASES[scope["path"]]
            scope = {**scope, "path": path, "raw_path": path.encode()}
        await self._app(scope, receive, send)

    def _max_bytes(self, path: str, kind: str) -> int:
        if path == "/v1/predict/batch":
            return self._settings.max_body_bytes
        if path == "/v1/predict" or (path == "/v1/feedback" and kind == FORM):
            return self._settings.limits.max_image_bytes + ENVELOPE_BYTES
        return MAX_JSON_BYTES


class _Fork:
    """ASGI middleware that passes to BentoML what it alone answers, and everything else to the API."""

    def __init__(self, bentoml: ASGIApp, api: ASGIApp) -> None:
        self._bentoml = bentoml
        self._api = api

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_bentomls = scope["type"] != "http" or (
            scope["path"] in BENTOML_PATHS and scope["method"] in ("GET", "HEAD")
        )
        await (self._bentoml if is_bentomls else self._api)(scope, receive, send)
