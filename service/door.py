"""An ASGI app that can be mounted before the API exists: BentoML mounts at import, and builds later."""

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from service.errors import NotReadyError, answer_for, body_for


class Door:
    """Passes requests on to the API once it is opened; until then answers 503."""

    def __init__(self) -> None:
        self._api: ASGIApp | None = None

    def open(self, api: ASGIApp) -> None:
        """Pass requests on from now on."""
        self._api = api

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on."""
        if self._api is not None:
            await self._api(scope, receive, send)
        elif scope["type"] == "http":
            error = NotReadyError("Expected a server that has started, found one that is starting.")
            answer = answer_for(error)
            await JSONResponse(body_for(error), answer.status, answer.headers)(scope, receive, send)
