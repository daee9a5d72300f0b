"""An ASGI app that can be mounted before the API exists: BentoML mounts at import, and builds later."""

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from service.errors import NotReadyError, answer_for, body_for
from service.observing import Observation


class Door:
    """Passes requests, and what is observed of them, on once it is opened; until then answers 503."""

    def __init__(self) -> None:
        self._api: ASGIApp | None = None
        self._observe: Observation | None = None

    def open(self, api: ASGIApp, observe: Observation) -> None:
        """Pass requests and observations on from now on."""
        self._api, self._observe = api, observe

    def observe(self, route: str, method: str, status: int, seconds: float) -> None:
        """Pass one observation on; before the door is open nobody counts."""
        if self._observe is not None:
            self._observe(route, method, status, seconds)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on."""
        if self._api is not None:
            await self._api(scope, receive, send)
        elif scope["type"] == "http":
            error = NotReadyError("Expected a server that has started, found one that is starting.")
            answer = answer_for(error)
            await JSONResponse(body_for(error), answer.status, answer.headers)(scope, receive, send)
