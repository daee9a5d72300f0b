"""What every request passes before it reaches a route: metrics, CORS, keys, limits, one shape of errors."""

from http.client import responses

from starlette.middleware.cors import CORSMiddleware
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.access import Access
from service.errors import answer_for_status, envelope
from service.limits import BodyLimit
from service.observing import Observation, Observe
from service.settings import ServiceSettings

# The paths that BentoML's own client asks; they are answered by our routes, with our checks: BentoML would
# take an image's address instead of an image and fetch it.
ALIASES = {"/predict": "/v1/predict", "/feedback": "/v1/feedback"}
# Nothing of BentoML's lies below it.
OWN_PATHS = "/v1/"
# What a multipart body may hold besides the image itself.
ENVELOPE_BYTES = 64 * 1024
# Requests of text only.
MAX_TEXT_BYTES = 2**20


class Front:
    """ASGI middleware around the API and what BentoML serves beside it."""

    def __init__(self, app: ASGIApp, settings: ServiceSettings, observe: Observation, api: ASGIApp) -> None:
        """Go around an app.

        Args:
            app: What BentoML serves, the API mounted in it.
            settings: Of limits and access.
            observe: Is told of each answer.
            api: The API by itself, to pass its own paths to without BentoML's router.
        """
        self._settings = settings
        inner: ASGIApp = Access(BodyLimit(_Uniform(_Fork(app, api)), self._max_bytes), settings.access)
        if settings.access.allowed_origins:
            # Outside of Access, because a browser's preflight carries no key.
            inner = CORSMiddleware(
                inner,
                allow_origins=settings.access.allowed_origins,
                allow_methods=("GET", "POST", "DELETE"),
                allow_headers=("Authorization", "Content-Type"),
            )
        self._app = Observe(inner, observe)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on, or answer it with an error."""
        if scope["type"] == "http" and scope["method"] == "POST" and scope["path"] in ALIASES:
            path = ALIASES[scope["path"]]
            scope = {**scope, "path": path, "raw_path": path.encode()}
        await self._app(scope, receive, send)

    def _max_bytes(self, path: str) -> int:
        if path == "/v1/predict/batch":
            return self._settings.max_body_bytes
        if path in ("/v1/predict", "/v1/feedback"):
            return self._settings.limits.max_image_bytes + ENVELOPE_BYTES
        return MAX_TEXT_BYTES


class _Fork:
    """ASGI middleware that passes the API's own paths to it, and everything else on."""

    def __init__(self, app: ASGIApp, api: ASGIApp) -> None:
        self._app = app
        self._api = api

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_own = scope["type"] == "http" and scope["path"].startswith(OWN_PATHS)
        await (self._api if is_own else self._app)(scope, receive, send)


class _Uniform:
    """ASGI middleware that puts an error which is no JSON, so not one of ours, into our shape."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        is_replaced = False

        async def uniform_send(message: Message) -> None:
            nonlocal is_replaced
            if message["type"] == "http.response.start" and _is_foreign_error(message):
                is_replaced = True
                await _foreign(message["status"])(scope, receive, send)
            elif not is_replaced:
                await send(message)

        await self._app(scope, receive, uniform_send)


def _is_foreign_error(start: Message) -> bool:
    types = [value for name, value in start.get("headers", ()) if name.lower() == b"content-type"]
    return start["status"] >= 400 and not any(value.startswith(b"application/json") for value in types)


def _foreign(status: int) -> JSONResponse:
    answer = answer_for_status(status)
    message = f"The request was answered with {status} ({responses.get(status, 'an error')})."
    return JSONResponse(
        envelope(answer.code, message, answer.remedy),
        answer.status,
        answer.headers,
    )
