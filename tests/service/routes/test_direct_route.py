"""Routes past FastAPI's general way: documented as all are, answered with their own models."""

import httpx
import pytest
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from service.routes.direct_route import DirectRoute

pytestmark = pytest.mark.anyio


class _Greeting(BaseModel):
    name: str
    weight: float


def _api() -> FastAPI:
    api = FastAPI()

    async def greet(request: Request) -> _Greeting:
        name = request.query_params["name"]
        if name == "nobody":
            raise LookupError("nobody is greeted")
        return _Greeting(name=name, weight=0.1)

    async def answer_error(request: Request, error: Exception) -> JSONResponse:
        return JSONResponse({"error": str(error)}, 404)

    api.router.add_api_route(
        "/greetings", greet, methods=["POST"], status_code=201, route_class_override=DirectRoute
    )
    api.add_exception_handler(LookupError, answer_error)
    return api


async def _post(name: str) -> httpx.Response:
    transport = httpx.ASGITransport(_api())
    async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
        return await client.post("/greetings", params={"name": name})


async def test_it_answers_its_model_as_json_with_the_status_of_the_route() -> None:
    answer = await _post("Zoë")
    assert answer.status_code == 201
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {"name": "Zoë", "weight": 0.1}


async def test_what_it_raises_reaches_the_handlers_of_the_api() -> None:
    answer = await _post("nobody")
    assert (answer.status_code, answer.json()) == (404, {"error": "nobody is greeted"})


def test_its_model_and_status_are_in_the_document() -> None:
    described = _api().openapi()["paths"]["/greetings"]["post"]
    schema = described["responses"]["201"]["content"]["application/json"]["schema"]
    assert schema == {"$ref": "#/components/schemas/_Greeting"}
