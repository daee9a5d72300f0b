"""Refuses predictions that there is no place for, before their images are read."""

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from service.admission import Admission
from service.errors import answer_for, body_for

_PATHS = frozenset({"/v1/predict", "/v1/predict/batch"})


class Shedding:
    """ASGI middleware that answers 429 while no further image can be taken in.

    When more is asked than can be answered, each request that is refused late takes time from one that is
    answered. The batcher refuses too, since only it knows how many images a request brings.
    """

    def __init__(self, app: ASGIApp, admission: Admission) -> None:
        self._app = app
        self._admission = admission

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on, or refuse it."""
        is_prediction = scope["type"] == "http" and scope["method"] == "POST" and scope["path"] in _PATHS
        if not is_prediction or not self._admission.is_full:
            await self._app(scope, receive, send)
            return
        error = self._admission.refusal()
        answer = answer_for(error)
        # What still arrives of the body is thrown away by the HTTP server; the connection stays open.
        await JSONResponse(body_for(error), answer.status, answer.headers)(scope, receive, send)
