"""Routes that read their requests and write their answers themselves."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel


class DirectRoute(APIRoute):
    """A route whose endpoint takes the request alone, and returns a model; FastAPI matches and documents it.

    FastAPI would inspect each declared parameter, and validate each answer against its model again. For a
    prediction that costs the event loop as much time as all of our own code (ADR 10).
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return what turns a request into a response; FastAPI asks each route for it."""
        endpoint, status = self.endpoint, self.status_code or 200

        async def handle(request: Request) -> Response:
            body: BaseModel = await endpoint(request)
            return Response(body.model_dump_json(), status, media_type="application/json")

        return handle
