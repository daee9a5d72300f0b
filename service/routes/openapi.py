"""What the OpenAPI document says beyond the routes' signatures: what is read by hand, and errors."""

from typing import Any

from service.routes.bodies import MAX_IMAGES
from service.schemas import ErrorBody, FeedbackRequest

_FILE = {"type": "string", "format": "binary"}
_TEXT = {"type": "string"}
_LABEL = {"type": "string", "minLength": 1, "maxLength": 200}

_MEANINGS = {
    400: "Malformed",
    401: "No key, or an unknown one",
    403: "A key without the scope, or a foreign place",
    404: "Unknown id",
    408: "The request was not sent in time",
    409: "Conflict",
    410: "Gone",
    413: "Too large",
    415: "Not an image",
    422: "An undecodable image, or an empty or over-long label",
    429: "Too many requests, with Retry-After",
    431: "Too many bytes before the body",
    503: "Not ready, or the store can't be written; nothing was acknowledged",
}
ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": ErrorBody, "description": meaning} for status, meaning in _MEANINGS.items()
}


_GROUP = {
    "parameters": [
        {
            "name": "group",
            "in": "query",
            "required": False,
            "description": "Images of one group share a split, such as one patient's.",
            "schema": {"anyOf": [{"type": "string"}, {"type": "null"}], "title": "Group"},
        }
    ]
}


def _form(properties: dict[str, Any], required: list[str]) -> dict[str, Any]:
    schema = {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }
    return {"schema": schema}


def _body(content: dict[str, Any]) -> dict[str, Any]:
    return {"requestBody": {"required": True, "content": content}}


PREDICT = _GROUP | _body(
    {
        "image/jpeg": {"schema": _FILE},
        "image/png": {"schema": _FILE},
        "image/webp": {"schema": _FILE},
        "multipart/form-data": _form({"image": _FILE, "group": _TEXT}, ["image"]),
    }
)
PREDICT_BATCH = _body(
    {
        "multipart/form-data": _form(
            {"images": {"type": "array", "items": _FILE, "minItems": 1, "maxItems": MAX_IMAGES}}, ["images"]
        )
    }
)
FEEDBACK = _body(
    {
        "application/json": {"schema": FeedbackRequest.model_json_schema()},
        "multipart/form-data": _form({"image": _FILE, "label": _LABEL, "group": _TEXT}, ["image", "label"]),
    }
)
