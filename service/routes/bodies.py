"""Reads what a request holds: an image, several of them, or a label with or without its image."""

import unicodedata
from codecs import BOM_UTF8
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager

from pydantic import ValidationError
from python_multipart.multipart import parse_options_header
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from service.errors import (
    BodyTooLargeError,
    MalformedRequestError,
    NotAnImageTypeError,
    TooManyImagesError,
)
from service.schemas import FeedbackRequest
from service.uploads import FORM, MAX_JSON_BYTES, ImageUpload, LabelledUpload, media_type
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
    if media_type(request.headers) == FORM:
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
    kind = media_type(request.headers)
    if kind != FORM:
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
        BodyTooLargeError: Its JSON is over 64 KiB.
    """
    if media_type(request.headers) == FORM:
        async with _form_of(request) as form:
            _refuse_others(form, ("image", "label", "group"))
            label = _text_of(form, "label")
            if label is None:
                raise MalformedRequestError("Expected a part 'label' beside the image, found none.")
            return LabelledUpload(await _image_of(form), label, clean_group(_text_of(form, "group")))
    return _feedback_in(await request.body())


def _feedback_in(body: bytes) -> FeedbackRequest:
    if len(body) > MAX_JSON_BYTES:
        raise BodyTooLargeError(f"Expected at most {MAX_JSON_BYTES} bytes of JSON, found {len(body)}.")
    try:
        # Some editors begin a text with this mark; the other routes take it too.
        return FeedbackRequest.model_validate_json(body.removeprefix(BOM_UTF8))
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
        # As browsers send them; another encoding that the type names would have to be guessed too.
        self._charset = "utf-8"
        part = self._current_part
        _, options = parse_options_header(part.content_disposition)
        if options.get(b"name") in (b"image", b"images") and b"filename" not in options:
            part.content_disposition = (part.content_disposition or b"") + b'; filename=""'
        for text in (options.get(b"name", b""), options.get(b"filename", b"")):
            _refuse_other_encodings(text)
        super().on_headers_finished()

    def on_part_end(self) -> None:
        if self._current_part.file is None:
            _refuse_other_encodings(self._current_part.data)
        super().on_part_end()


def _refuse_other_encodings(text: bytes | bytearray) -> None:
    # The parser would read it as Latin-1, and nobody would notice.
    try:
        text.decode()
    except UnicodeDecodeError as error:
        raise MultiPartException(f"a text that is not UTF-8: {bytes(text[:40])!r}.") from error


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
