"""Reads what a request holds: an image, several of them, or a label with or without its image."""

from collections.abc import Sequence

from pydantic import ValidationError
from starlette.datastructures import FormData, Headers, UploadFile
from starlette.requests import Request

from service.errors import MalformedRequestError, NotAnImageTypeError, TooManyImagesError
from service.schemas import FeedbackRequest
from service.uploads import ImageUpload, LabelledUpload
from vision.labels import is_printable

MAX_IMAGES = 64
MAX_GROUP_CHARACTERS = 200


async def read_image(request: Request) -> ImageUpload:
    """Return the image of a raw `image/*` body or of the multipart part `image`, with the group of the URL.

    Raises:
        NotAnImageTypeError: The content type is neither.
        MalformedRequestError: The parts are not those expected.
    """
    kind, group = _media_type(request.headers), request.query_params.get("group")
    if kind == "multipart/form-data":
        async with request.form() as form:
            _refuse_others(form, ("image", "group"))
            content = await _image_of(form)
            return ImageUpload(content, clean_group(_text_of(form, "group") or group))
    if not kind.startswith("image/"):
        raise NotAnImageTypeError(
            f"Expected the content type image/… or multipart/form-data, found {kind or 'none'!r}."
        )
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
    async with request.form() as form:
        _refuse_others(form, ("images",))
        parts = form.getlist("images")
        if not parts:
            raise MalformedRequestError("Expected at least one part 'images', found none.")
        if len(parts) > MAX_IMAGES:
            raise TooManyImagesError(f"Expected at most {MAX_IMAGES} images, found {len(parts)}.")
        return [await _content_of(part, "images") for part in parts]


async def read_feedback(request: Request) -> FeedbackRequest | LabelledUpload:
    """Return a label for a prediction (JSON), or an image with its label (multipart).

    Raises:
        NotAnImageTypeError: The body is neither.
        MalformedRequestError: It can't be read, or holds something else.
    """
    kind = _media_type(request.headers)
    if kind == "multipart/form-data":
        async with request.form() as form:
            _refuse_others(form, ("image", "label", "group"))
            label = _text_of(form, "label")
            if label is None:
                raise MalformedRequestError("Expected a part 'label' beside the image, found none.")
            return LabelledUpload(await _image_of(form), label, clean_group(_text_of(form, "group")))
    if kind != "application/json":
        raise NotAnImageTypeError(
            f"Expected the content type application/json or multipart/form-data, found {kind or 'none'!r}."
        )
    try:
        return FeedbackRequest.model_validate_json(await request.body())
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the body"
        raise MalformedRequestError(
            f"Expected JSON with the texts 'prediction_id' and 'label', found in {place}: {first['msg']}."
        ) from error


def clean_group(group: str | None) -> str | None:
    """Return the group without the space around it, None where nothing is left.

    Raises:
        MalformedRequestError: It is over 200 characters, or has control characters.
    """
    if group is None:
        return None
    cleaned = group.strip()
    if len(cleaned) > MAX_GROUP_CHARACTERS or not is_printable(cleaned):
        raise MalformedRequestError(
            f"Expected a group of at most {MAX_GROUP_CHARACTERS} printable characters, "
            f"found {len(cleaned)} characters."
        )
    return cleaned or None


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
    return await _content_of(parts[0], "image")


async def _content_of(part: UploadFile | str, name: str) -> bytes:
    if isinstance(part, str):
        raise MalformedRequestError(f"Expected the part '{name}' to be a file with a name, found a text.")
    return await part.read()


def _text_of(form: FormData, name: str) -> str | None:
    parts = form.getlist(name)
    if not parts:
        return None
    if len(parts) > 1 or not isinstance(parts[0], str):
        raise MalformedRequestError(f"Expected the part '{name}' to be one text, found something else.")
    return parts[0]
