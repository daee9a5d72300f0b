"""Refuses predictions that there is no place for, before their images are read."""

from starlette.types import ASGIApp, Receive, Scope, Send

from service.admission import Admission
from service.errors import response_for

_PATHS = frozenset({"/v1/predict", "/v1/predict/batch"})


class LoadShedding:
    """ASGI middleware that answers 429 while no further image can be admitted.

    Under overload, a request that is refused late costs time that another request could be answered in. The
    batcher refuses too, since only it knows how many images a request brings.
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
        # What still arrives of the body is thrown away by the HTTP server; the connection stays open.
        await response_for(error)(scope, receive, send)
