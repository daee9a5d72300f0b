"""The one shape of errors."""

from typing import Any


def check_shape(answer: Any) -> dict[str, str]:
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    assert body.keys() == {"error"}
    assert body["error"].keys() == {"code", "message", "remedy"}
    assert all(isinstance(text, str) and text for text in body["error"].values())
    return dict(body["error"])
