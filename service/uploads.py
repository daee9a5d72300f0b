"""What a client sends: an image, with its label or without, and what its body says it is."""

from dataclasses import dataclass

from starlette.datastructures import Headers

# The one media type whose body is read as parts; all others are an image's bytes or JSON.
FORM = "multipart/form-data"
# Of JSON: a thousand times as much keeps the event loop busy for seconds.
MAX_JSON_BYTES = 64 * 1024


def media_type(headers: Headers) -> str:
    """Return the type of a request's body in lower case, without parameters; empty where none is named."""
    return headers.get("content-type", "").partition(";")[0].strip().lower()


@dataclass(frozen=True, slots=True)
class ImageUpload:
    """One image's bytes, with the group that its client put it into."""

    content: bytes
    group: str | None


@dataclass(frozen=True, slots=True)
class LabelledUpload:
    """One image's bytes with their label."""

    content: bytes
    label: str
    group: str | None
