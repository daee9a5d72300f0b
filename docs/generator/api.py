"""The reference of the API, read from its own description and from the table of errors."""

import json
from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from prometheus_client import CollectorRegistry

from docs.generator.schemas import kind, properties
from docs.generator.tables import table
from monitoring.metrics import Exposition, ServiceMetrics
from monitoring.store_collector import StoreCollector
from service.api import create_api
from service.errors import ServiceError, answer_for
from service.middleware.access import OPEN_PATHS, scope_for
from service.services import Collaborators, build_services
from service.settings import ServiceSettings
from store.blobs.blob_store import BlobStore
from store.database.database import Database
from store.errors import StoreError
from vision.errors import VisionError

Json = Mapping[str, Any]

# A server's own answers, by method and path.
_EXAMPLES: Json = json.loads((Path(__file__).parent / "answers.json").read_text(encoding="utf-8"))

_INTRODUCTION = """# API

The server describes the same in machine-readable form at `/openapi.json`. `GET /` is the dashboard.

Without keys only this machine itself is served. With keys a request carries `Authorization: Bearer KEY`,
and the key needs the scope that the route names here ([keys and access](../how-to/keys-and-access.md)).

BentoML's own client works too. Its `predict` and `feedback` reach `POST /v1/predict` and `POST /v1/feedback`.

A list is newest first. `limit` bounds a page; `before` takes the last row of the page before.
A time is ISO 8601 in UTC. A confidence or an accuracy is a fraction. Keys may be added to an answer."""

_ERRORS = """## Errors

Every error has one shape:

```json
{"error": {"code": "unknown_prediction", "message": "What was expected and found.", "remedy": "What to do."}}
```

Input that can't be used never gives a 5xx. A 503 acknowledges nothing: send it again after the seconds
that `Retry-After` names.
A request that takes over a minute, its upload included, gets BentoML's own 504."""


def markdown() -> str:
    """Return docs/reference/api.md, whole."""
    described = description()
    tag, lines = "", [_INTRODUCTION]
    for path, method, route in routes(described):
        if route["tags"][0] != tag:
            tag = route["tags"][0]
            lines += ["", f"## {tag.capitalize()}"]
        lines += ["", f"### `{method} {path}`", "", *_route(method, path, route)]
    lines += ["", "## Bodies"]
    for name, schema in described["components"]["schemas"].items():
        lines += ["", f"### {name}", "", schema.get("description", ""), "", *_fields(schema)]
    lines += ["", _ERRORS, "", *table(("status", "code", "remedy"), _errors())]
    return "\n".join(lines) + "\n"


def description() -> dict[str, Any]:
    """Return the OpenAPI document, of a service that is not started."""
    with TemporaryDirectory() as folder:
        database, blobs = Database(f"sqlite:///{folder}/empty.db"), BlobStore(str(Path(folder) / "blobs"))
        registry = CollectorRegistry()
        given = Collaborators(
            database=database,
            blobs=blobs,
            metrics=ServiceMetrics(registry),
            exposition=Exposition(registry, StoreCollector(database, threshold=500)),
        )
        try:
            # Once through JSON: what a client reads has no numbers as keys.
            described: dict[str, Any] = json.loads(
                json.dumps(create_api(build_services(given, ServiceSettings())).openapi())
            )
            return described
        finally:
            database.close()
            blobs.close()


def routes(described: Json) -> Iterator[tuple[str, str, Json]]:
    """Yield each route's path, method and description, those of one tag together."""
    listed = [
        (path, method.upper(), route)
        for path, methods in described["paths"].items()
        for method, route in methods.items()
    ]
    tags = list(dict.fromkeys(route["tags"][0] for _, _, route in listed))
    return iter(sorted(listed, key=lambda each: tags.index(each[2]["tags"][0])))


def _route(method: str, path: str, route: Json) -> list[str]:
    scope = scope_for(method, path)
    need = "It needs no key." if path in OPEN_PATHS else f"It needs the scope `{scope}`."
    lines = [f"{route['description']} {need}"]
    if parameters := route.get("parameters"):
        rows = (
            (f"`{each['name']}`", each["in"], kind(each["schema"]), each.get("description", ""))
            for each in parameters
        )
        lines += ["", *table(("parameter", "in", "kind", "meaning"), rows)]
    contents = route.get("requestBody", {}).get("content", {})
    for schema, media in groupby(contents, lambda media: contents[media]["schema"]):
        lines += ["", *_body(", ".join(f"`{each}`" for each in media), schema)]
    return [*lines, "", *_answer(f"{method} {path}", route["responses"])]


def _answer(name: str, responses: Json) -> list[str]:
    """Return what a route answers: a body of a known form, or an example."""
    status, response = next(iter(responses.items()))
    schema = response.get("content", {}).get("application/json", {}).get("schema", {})
    if not schema:
        return [f"Answer {status}: not JSON."]
    if name not in _EXAMPLES:
        return [f"Answer {status}: {kind(schema)}."]
    text = json.dumps(_EXAMPLES[name], indent=1, ensure_ascii=False)
    return [f"Answer {status}: {kind(schema)}, such as", "", "```json", text, "```"]


def _body(media: str, schema: Json) -> list[str]:
    if "properties" in schema:
        return [f"Body {media}:", "", *_fields(schema)]
    return [f"Body {media}: {kind(schema)}."]


def _fields(schema: Json) -> list[str]:
    return table(("name", "kind", "meaning"), properties(schema))


def _errors() -> list[tuple[int, str, str]]:
    """Return each answer that an error of ours gets, by status."""
    rows = {
        (answer.status, f"`{answer.code}`", answer.remedy)
        for base in (ServiceError, StoreError, VisionError, OSError)
        for answer in map(answer_for, (error("") for error in (base, *_descendants(base))))
    }
    return sorted(rows)


def _descendants(base: type[Exception]) -> list[type[Exception]]:
    # Python's own tree below OSError holds nothing that is answered another way.
    if base is OSError:
        return []
    return [error for own in base.__subclasses__() for error in (own, *_descendants(own))]
