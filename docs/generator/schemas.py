"""Puts JSON schemas into words."""

from collections.abc import Iterator, Mapping
from typing import Any

_WORDS = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "`true` or `false`",
    "null": "`null`",
    "object": "a JSON object",
}


def kind(schema: Mapping[str, Any]) -> str:
    """Return what a value is.

    >>> kind({"anyOf": [{"type": "string", "maxLength": 9}, {"type": "null"}]})
    'text of at most 9 characters, or `null`'
    """
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in schema:
        return ", or ".join(kind(each) for each in schema["anyOf"])
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if schema.get("type") == "array":
        most = f" of at most {schema['maxItems']}" if "maxItems" in schema else ""
        return f"a list{most}: {kind(schema['items'])}"
    if schema.get("format") == "binary":
        return "an image's bytes"
    most = f" of at most {schema['maxLength']} characters" if "maxLength" in schema else ""
    return _WORDS.get(schema.get("type", ""), "any value") + most


def properties(schema: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield the name of each property, what it is, and what it means."""
    required = schema.get("required", ())
    for name, own in schema.get("properties", {}).items():
        left_out = "" if name in required else "May be left out."
        yield f"`{name}`", kind(own), f"{own.get('description', '')} {left_out}".strip()
