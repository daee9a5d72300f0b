"""Reads what a request holds: an image, several of them, or a label with or without its image."""

import unicodedata
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager

from pydantic import ValidationError
from python_multipart.multipart import parse_options_header
from starlette.datastructures import FormData, Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from service.errors import MalformedRequestError, NotAnImageTypeError, TooManyImagesError
from service.schemas import FeedbackRequest
from service.uploads import ImageUpload, LabelledUpload
from vision.labels import is_printable

MAX_IMAGES = 64
MAX_GROUP_CHARACTERS = 200


async def read_image(request: Request) -> ImageUpload:
    """Return the image of the multipart part `image`, else the body, with the group of the URL.

    A body that is not multipart is an image whatever it is called: curl calls all of them forms.

    Raises:
        MalformedRequestError: The parts are not those expected.
    """
    group = request.query_params.get("group")
    if _media_type(request.headers) == "multipart/form-data":
        async with _form_of(request) as form:
            _refuse_others(form, ("image", "group"))
            content = await _image_of(form)
            return ImageUpload(content, clean_group(_text_of(form, "group") or group))
    return ImageUpload(await request.body(), clean_group(group))


async def read_images(request: Request) -> list[bytes]:
    """Return the images of the repeated multipart part `images`.

    Raises:
        NotAnImageTypeError: The body is not multipart.
        TooManyImagesError: There are more than 64.
        MalformedRequestError: The parts are not those expected.
    """
    kind = _media_type(request.headers)
    if kind != "multipart/form-data":
        raise NotAnImageTypeError(f"Expected the content type multipart/form-data, found {kind or 'none'!r}.")
    async with _form_of(request) as form:
        _refuse_others(form, ("images",))
        parts = form.getlist("images")
        if not parts:
            raise MalformedRequestError("Expected at least one part 'images', found none.")
        if len(parts) > MAX_IMAGES:
            raise TooManyImagesError(f"Expected at most {MAX_IMAGES} images, found {len(parts)}.")
        return [await _content_of(part) for part in parts]


async def read_feedback(request: Request) -> FeedbackRequest | LabelledUpload:
    """Return an image with its label (multipart), or a label for a prediction (JSON, whatever it is called).

    Raises:
        MalformedRequestError: It can't be read, or holds something else.
    """
    if _media_type(request.headers) == "multipart/form-data":
        async with _form_of(request) as form:
            _refuse_others(form, ("image", "label", "group"))
            label = _text_of(form, "label")
            if label is None:
                raise MalformedRequestError("Expected a part 'label' beside the image, found none.")
            return LabelledUpload(await _image_of(form), label, clean_group(_text_of(form, "group")))
    try:
        return FeedbackRequest.model_validate_json(await request.body())
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the body"
        raise MalformedRequestError(
            "Expected JSON with the texts 'prediction_id' and 'label', or multipart/form-data with an image "
            f"and its label, found in {place}: {first['msg']}."
        ) from error


def clean_group(group: str | None) -> str | None:
    """Return the group composed (NFC) and without the space around it, None where nothing is left.

    Raises:
        MalformedRequestError: It is over 200 characters, or has invisible characters.
    """
    if group is None:
        return None
    cleaned = unicodedata.normalize("NFC", group).strip()
    if len(cleaned) > MAX_GROUP_CHARACTERS or not is_printable(cleaned):
        raise MalformedRequestError(
            f"Expected a group of at most {MAX_GROUP_CHARACTERS} visible characters, "
            f"found {len(cleaned)}: {cleaned[:MAX_GROUP_CHARACTERS]!a}."
        )
    return cleaned or None


class _InMemoryParser(MultiPartParser):
    """Keeps what it reads in memory: bodies are limited, and a temporary folder can be full or read-only.

    A part with an image's name is a file, also where it names none.
    """

    spool_max_size = 0  # no limit

    def on_headers_finished(self) -> None:
        part = self._current_part
        _, options = parse_options_header(part.content_disposition)
        if options.get(b"name") in (b"image", b"images") and b"filename" not in options:
            part.content_disposition = (part.content_disposition or b"") + b'; filename=""'
        super().on_headers_finished()


@asynccontextmanager
async def _form_of(request: Request) -> AsyncIterator[FormData]:
    async with aclosing(request.stream()) as stream:
        try:
            form = await _InMemoryParser(request.headers, stream).parse()
        except MultiPartException as error:
            raise MalformedRequestError(
                f"Expected a body of multipart/form-data, found: {error.message}"
            ) from error
    try:
        yield form
    finally:
        await form.close()


def _media_type(headers: Headers) -> str:
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def _refuse_others(form: FormData, known: Sequence[str]) -> None:
    others = sorted({name for name, _ in form.multi_items()} - set(known))
    if others:
        raise MalformedRequestError(
            f"Expected the parts {', '.join(known)}, found also {', '.join(others)[:200]!r}."
        )


async def _image_of(form: FormData) -> bytes:
    parts = form.getlist("image")
    if len(parts) != 1:
        raise MalformedRequestError(f"Expected one part 'image', found {len(parts)}.")
    return await _content_of(parts[0])


async def _content_of(part: UploadFile | str) -> bytes:
    assert isinstance(part, UploadFile)  # the parser made it one
    return await part.read()


def _text_of(form: FormData, name: str) -> str | None:
    parts = form.getlist(name)
    if not parts:
        return None
    if len(parts) > 1 or not isinstance(parts[0], str):
        raise MalformedRequestError(f"Expected the part '{name}' to be one text, found something else.")
    return parts[0]
