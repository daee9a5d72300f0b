"""The OpenAPI document names every field that a route answers."""

import re
from typing import Any

import pytest

from tests.store.alarm_work import raised

# They answer text, or an image.
NOT_JSON = {
    "/metrics",
    "/v1/predictions/{prediction_id}/image",
    "/v1/queue/{question_id}/image",
    "/v1/disputes/{dispute_id}/image",
    "/v1/alarms/{alarm_id}/images/{sha256}",
    "/v1/samples/{sample_id}/image",
    "/v1/sources/{name}/images/{sample_id}",
}

pytestmark = pytest.mark.anyio


def answer_schema(document: dict[str, Any], operation: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of an operation's answer where all went well."""
    [answer] = [answer for status, answer in operation["responses"].items() if status.startswith("2")]
    schema = answer["content"]["application/json"]["schema"]
    return resolved(document, schema)


def resolved(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in schema:
        return schema
    return dict(document["components"]["schemas"][schema["$ref"].rpartition("/")[2]])


async def test_every_json_answer_is_an_object_whose_fields_are_all_named(run: Any, store: Any) -> None:
    async with run(store) as api:
        document = (await api.client.get("/openapi.json")).json()
    num_checked = 0
    for path, item in document["paths"].items():
        for operation in item.values():
            if path in NOT_JSON:
                continue
            schema = answer_schema(document, operation)
            assert schema["properties"], path
            assert schema["additionalProperties"] is False, path
            num_checked += 1
    assert num_checked >= 22


async def test_every_get_answers_as_the_document_says(run: Any, serving: Any, picture: Any) -> None:
    alarm = raised(serving.database)
    async with run(serving) as api:
        requested = await api.client.post("/v1/rounds")
        await api.client.post("/v1/learning/pause")
        asked = await api.client.post("/v1/predict", files={"image": picture()})
        document = (await api.client.get("/openapi.json")).json()
        for path, item in document["paths"].items():
            if "get" not in item or path in NOT_JSON:
                continue
            concrete = path.replace("{version}", "v1").replace("{round_id}", str(requested.json()["id"]))
            concrete = concrete.replace("{alarm_id}", str(alarm.id))
            concrete = concrete.replace("{prediction_id}", asked.json()["prediction_id"])
            # The only one that asks for something besides its path.
            parameters = {"other": "v2"} if path.endswith("/comparison") else {}
            answer = await api.client.get(concrete, params=parameters)
            assert answer.status_code == 200, path
            assert answer.json().keys() == answer_schema(document, item["get"])["properties"].keys(), path


async def test_a_fields_meaning_is_in_the_document(run: Any, store: Any) -> None:
    async with run(store) as api:
        document = (await api.client.get("/openapi.json")).json()
    status = answer_schema(document, document["paths"]["/v1/status"]["get"])
    assert status["properties"]["threshold"]["description"] == "Pending samples that start a round."
    worker = resolved(document, status["properties"]["workers"]["items"])
    assert worker["properties"]["since"]["anyOf"][0]["format"] == "date-time"
    detail = answer_schema(document, document["paths"]["/v1/rounds/{round_id}"]["get"])
    verdict = resolved(document, detail["properties"]["verdict"]["anyOf"][0])
    assert {"decision", "sentence", "checks", "labels_needed"} <= verdict["properties"].keys()


async def test_the_page_of_the_api_loads_nothing_from_elsewhere(run: Any, store: Any) -> None:
    async with run(store) as api:
        page = await api.client.get("/docs")
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        policy = page.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'self';")
        assert "http" not in policy
        assert "script-src" not in policy
        sources = re.findall(r'(?:src|href)="([^"]+)"', page.text)
        assert set(sources) >= {"/docs/swagger-ui.css", "/docs/swagger-ui-bundle.js", "/docs/start.js"}
        for source in (*sources, "/static/api.js", "/openapi.json"):
            assert source.startswith("/")
            assert (await api.client.get(source)).status_code == 200, source
        start = (await api.client.get("/docs/start.js")).text
        bundle = (await api.client.get("/docs/swagger-ui-bundle.js")).text
    assert "validatorUrl: null" in start  # else it sends the document to validator.swagger.io
    assert "SwaggerUIBundle" in bundle
