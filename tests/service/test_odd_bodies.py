"""Bodies as odd clients send them: each is answered or refused, and none is an error of the server."""

import gzip
import json
from typing import Any

import pytest

pytestmark = pytest.mark.anyio

FEEDBACK = json.dumps({"prediction_id": "x", "label": "red"})


def image_part(image: bytes, *heads: bytes) -> bytes:
    head = b'Content-Disposition: form-data; name="image"; filename="a.jpg"'
    return b"\r\n".join([b"--x", head, *heads, b"", image, b"--x--", b""])


def feedback_form(image: bytes, label: bytes, *others: bytes) -> bytes:
    parts = (b'Content-Disposition: form-data; name="label"\r\n\r\n' + label, *others)
    return b"".join(b"--x\r\n" + part + b"\r\n" for part in parts) + image_part(image)


def bodies(image: bytes) -> dict[str, tuple[str, str, bytes, int]]:
    """Return (path, content type, body, status) by a name."""
    form, predict, feedback = "multipart/form-data; boundary=x", "/v1/predict", "/v1/feedback"
    return {
        "capitals": (predict, "Image/JPEG", image, 200),
        "parameters": (predict, 'image/jpeg; name="caf\u00e9.jpg"', image, 200),
        "another type's name": (predict, "image/heic", image, 200),
        "capitals of a form": (predict, "Multipart/Form-Data; boundary=x", image_part(image), 200),
        "a quoted boundary": (predict, 'multipart/form-data; boundary="x"', image_part(image), 200),
        "a part without a type": (predict, form, image_part(image), 200),
        "a part's odd heads": (predict, form, image_part(image, b"X-A: " + b"b" * 1000), 200),
        "text before": (predict, form, b"hello\r\n" + image_part(image), 400),
        "text behind": (predict, form, image_part(image) + b"bye", 200),
        "another boundary": (predict, form, image_part(image).replace(b"--x", b"--y"), 400),
        "an empty form": (predict, form, b"--x--\r\n", 400),
        "an empty body": (predict, "image/jpeg", b"", 422),
        "a packed body": (predict, "image/jpeg", gzip.compress(image), 415),
        "a page": (predict, "image/jpeg", b"<html>", 415),
        "a video": (predict, "image/jpeg", b"\0\0\0\x18ftypisom" + bytes(100), 415),
        "half of it": (predict, "image/jpeg", image[: len(image) // 2], 422),
        "two of it": (predict, "image/jpeg", image * 2, 200),
        "JSON with a mark": (feedback, "application/json", b"\xef\xbb\xbf" + FEEDBACK.encode(), 404),
        "two marks": (feedback, "application/json", b"\xef\xbb\xbf" * 2 + FEEDBACK.encode(), 400),
        "a label in UTF-8": (feedback, form, feedback_form(image, "café".encode()), 201),
        "a label in Latin-1": (feedback, form, feedback_form(image, b"caf\xe9"), 400),
        "a type that names Latin-1": (
            feedback,
            f"{form}; charset=latin-1",
            feedback_form(image, b"caf\xe9"),
            400,
        ),
        "a type that names punycode": (
            feedback,
            f"{form}; charset=punycode",
            feedback_form(image, b"red"),
            201,
        ),
        "a group in Latin-1": (
            feedback,
            form,
            feedback_form(image, b"red", b'Content-Disposition: form-data; name="group"\r\n\r\n\xe9'),
            400,
        ),
        "a file's name in Latin-1": (
            predict,
            form,
            image_part(image).replace(b"a.jpg", b"\xe9.jpg"),
            400,
        ),
        "JSON in UTF-16": (feedback, "application/json", FEEDBACK.encode("utf-16"), 400),
        "JSON with a charset": (feedback, "application/json; charset=utf-8", FEEDBACK.encode(), 404),
        "JSON twice": (feedback, "application/json", FEEDBACK.encode() * 2, 400),
        "a key twice": (feedback, "application/json", FEEDBACK.replace("{", '{"label": "",').encode(), 404),
        "no number": (feedback, "application/json", b'{"prediction_id": NaN, "label": "red"}', 400),
        "a large number": (feedback, "application/json", b'{"prediction_id": 1e999, "label": "red"}', 400),
        "a half character": (feedback, "application/json", FEEDBACK.replace("red", "\\ud800").encode(), 400),
        "nothing": (feedback, "application/json", b"", 400),
    }


async def test_every_odd_body_gets_its_answer(run: Any, serving: Any, picture: Any) -> None:
    async with run(serving) as api:
        statuses = {}
        for name, (path, kind, body, _) in bodies(picture()).items():
            headers = {"Content-Type": kind.encode("latin-1")}
            answer = await api.client.post(path, content=body, headers=headers)
            statuses[name] = answer.status_code
    assert statuses == {name: status for name, (*_, status) in bodies(picture()).items()}
