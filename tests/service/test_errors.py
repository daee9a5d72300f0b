"""Every error has one shape; bad input gets the status that the design names, and never a 5xx."""

import io
import re
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from service.errors import ServiceError, answer_for
from service.settings import ServiceSettings
from store import errors as store_errors
from store.predictions.prediction_ids import new_prediction_id
from tests.service.error_shape import check_shape
from vision import errors as vision_errors
from vision.decoding import ImageLimits

JPEG = {"Content-Type": "image/jpeg"}
JSON = {"Content-Type": "application/json"}
STATUSES = {400, 401, 403, 404, 405, 408, 409, 410, 413, 415, 422, 429, 431, 503}

pytestmark = pytest.mark.anyio


def _encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def _animation() -> bytes:
    frames = [Image.new("RGB", (32, 32), colour) for colour in ("red", "blue")]
    return _encoded(frames[0], "WEBP", save_all=True, append_images=frames[1:])


def _bomb(side: int = 30_000) -> bytes:
    """Return the header of a large square PNG."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b""))
        + chunk(b"IEND", b"")
    )


def _noise() -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8))


BAD_IMAGES: dict[str, tuple[Callable[[], bytes], int, str]] = {
    "empty": (lambda: b"", 422, "empty_image"),
    "text": (lambda: b"not an image at all", 415, "not_an_image"),
    "gif": (lambda: _encoded(_noise(), "GIF"), 415, "not_an_image"),
    "truncated": (lambda: _encoded(_noise(), "JPEG")[:900], 422, "undecodable_image"),
    "header only": (lambda: _encoded(_noise(), "PNG")[:40], 422, "undecodable_image"),
    "animated": (_animation, 422, "undecodable_image"),
    "pixel bomb": (_bomb, 413, "too_many_pixels"),
}


async def test_a_bad_image_is_refused_alike_wherever_it_is_sent(run: Any, serving: Any) -> None:
    async with run(serving) as api:
        for name, (make, status, code) in BAD_IMAGES.items():
            files, label = {"image": ("a.jpg", make(), "image/jpeg")}, {"label": "red"}
            for answer in (
                await api.client.post("/v1/predict", content=make(), headers=JPEG),
                await api.client.post("/v1/predict", files=files),
                await api.client.post("/v1/feedback", files=files, data=label),
            ):
                assert (answer.status_code, check_shape(answer)["code"]) == (status, code), name
    with serving.database.read() as connection:
        from store.samples.samples import samples_by_id

        assert samples_by_id(connection, range(1, 9)) == []


GOOD_IMAGES: dict[str, Callable[[], bytes]] = {
    "cmyk": lambda: _encoded(_noise().convert("CMYK"), "JPEG"),
    "palette": lambda: _encoded(_noise().convert("P"), "PNG"),
    "16 bit": lambda: _encoded(Image.fromarray(np.arange(4096, dtype=np.uint16).reshape(64, 64) * 16), "PNG"),
    "grey": lambda: _encoded(_noise().convert("L"), "JPEG"),
    "transparent": lambda: _encoded(_noise().convert("RGBA"), "WEBP"),
    "rotated": lambda: _encoded(_noise(), "JPEG", exif=_orientation(6)),
}


def _orientation(value: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = value
    return exif


async def test_a_batch_counts_its_pixels_before_any_is_decoded(run: Any, serving: Any) -> None:
    large, small = _bomb(7_000), _encoded(_noise(), "PNG")
    async with run(serving) as api:
        refused = await api.client.post("/v1/predict/batch", files=[("images", large)] * 6)
        alone = await api.client.post("/v1/predict/batch", files=[("images", large), ("images", small)])
        with api.services.batcher.admission.hold(120):
            waits = await api.client.post("/v1/predict", content=large)
            answered = await api.client.post("/v1/predict", content=small)
    assert (refused.status_code, check_shape(refused)["code"]) == (413, "too_many_images")
    assert "found 6 that take 150" in refused.json()["error"]["message"]
    # Its pixels are missing, but their number is no reason.
    assert alone.json()["predictions"][0]["error"]["code"] == "undecodable_image"
    assert (waits.status_code, answered.status_code) == (429, 200)


async def test_a_strange_but_intact_image_is_answered(run: Any, serving: Any) -> None:
    async with run(serving) as api:
        for name, make in GOOD_IMAGES.items():
            answer = await api.client.post("/v1/predict", content=make(), headers=JPEG)
            assert answer.status_code == 200, name


FORM = {"Content-Type": "multipart/form-data; boundary=x"}
BAD_REQUESTS: list[tuple[str, dict[str, Any], int, str]] = [
    ("/v1/predict", {"content": b"x"}, 415, "not_an_image"),
    ("/v1/predict", {"content": b"x", "headers": {"Content-Type": "text/plain"}}, 415, "not_an_image"),
    ("/v1/predict", {"json": {"image": "x"}}, 415, "not_an_image"),
    ("/v1/predict", {}, 422, "empty_image"),
    ("/v1/predict", {"files": {"img": b"x"}}, 400, "malformed"),
    ("/v1/predict", {"files": [("image", b"x"), ("image", b"y")]}, 400, "malformed"),
    ("/v1/predict", {"data": {"image": "http://localhost/a.jpg"}, "files": {"group": b""}}, 400, "malformed"),
    ("/v1/predict", {"content": b"no parts", "headers": FORM}, 400, "malformed"),
    ("/v1/predict", {"content": b"x", "headers": {"Content-Type": "multipart/form-data"}}, 400, "malformed"),
    ("/v1/predict?group=%00", {"content": b"x", "headers": JPEG}, 400, "malformed"),
    ("/v1/predict?group=%E2%80%AEbees", {"content": b"x", "headers": JPEG}, 400, "malformed"),
    (f"/v1/predict?group={'g' * 201}", {"content": b"x", "headers": JPEG}, 400, "malformed"),
    ("/v1/predict/batch", {"content": b"x", "headers": JPEG}, 415, "not_an_image_type"),
    ("/v1/predict/batch", {"files": {"image": b"x"}}, 400, "malformed"),
    ("/v1/predict/batch", {"files": [("images", b"x")] * 65}, 413, "too_many_images"),
    ("/v1/feedback", {"content": b"{", "headers": JSON}, 400, "malformed"),
    (
        "/v1/feedback",
        {"content": b"[" * 60_000, "headers": JSON},
        400,
        "malformed",
    ),
    ("/v1/feedback", {"json": ["red"]}, 400, "malformed"),
    ("/v1/feedback", {"json": {"label": "red"}}, 400, "malformed"),
    ("/v1/feedback", {"json": {"prediction_id": 7, "label": "red"}}, 400, "malformed"),
    ("/v1/feedback", {"json": {"prediction_id": "x", "label": "red", "lable": 1}}, 400, "malformed"),
    ("/v1/feedback", {"json": {"prediction_id": "x", "label": "red"}}, 404, "unknown_prediction"),
    ("/v1/feedback", {"json": {"prediction_id": "x", "label": ""}}, 422, "invalid_label"),
    ("/v1/feedback", {"json": {"prediction_id": "x", "label": " \n"}}, 422, "invalid_label"),
    ("/v1/feedback", {"json": {"prediction_id": "x", "label": "a" * 201}}, 422, "invalid_label"),
    ("/v1/feedback", {"json": {"prediction_id": "x", "label": "a\0b"}}, 422, "invalid_label"),
    ("/v1/feedback", {"json": {"prediction_id": "x", "label": "bees\u200b"}}, 422, "invalid_label"),
    ("/v1/feedback", {"files": {"image": b"x"}}, 400, "malformed"),
    ("/v1/feedback", {"files": {"image": b"x"}, "data": {"label": "  "}}, 422, "invalid_label"),
    ("/v1/feedback", {"content": b"x", "headers": {"Content-Type": "text/plain"}}, 400, "malformed"),
    ("/v1/feedback", {"json": dict.fromkeys(map(str, range(9_999)), "x")}, 413, "too_large"),
    ("/v1/rounds", {"json": {"reason": "x" * 2**16}}, 413, "too_large"),
    ("/v1/models/v2/promote", {"json": {"reason": 7}}, 400, "malformed"),
    ("/v1/models/v2/promote", {"json": {"force": "yes"}}, 400, "malformed"),
    ("/v1/models/v2/promote", {"content": b'{"reason": "\\ud800"}', "headers": JSON}, 400, "malformed"),
    ("/v1/models/v2/promote", {"json": {"raeson": "x"}}, 400, "malformed"),
    ("/v1/models/v9/promote", {}, 404, "unknown_version"),
    ("/v1/models/latest/promote", {}, 404, "unknown_id"),
    ("/v1/rollback", {"json": {"to": "v9"}}, 404, "unknown_version"),
    ("/v1/rollback", {}, 409, "no_predecessor"),
    ("/v1/rounds", {"content": b"{", "headers": JSON}, 400, "malformed"),
    ("/v1/rounds/1/approve", {}, 404, "unknown_round"),
    ("/v1/rounds/one/cancel", {}, 404, "unknown_id"),
    (f"/v1/rounds/{2**70}/cancel", {}, 404, "unknown_id"),
]


BAD_LOOKS = [
    ("/v1/models?limit=0", 400),
    ("/v1/models?limit=many", 400),
    (f"/v1/rounds?before={2**70}", 400),
    ("/v1/models/v9", 404),
    ("/v1/models/%00", 404),
    ("/v1/rounds/1", 404),
    ("/v1/predictions/x", 404),
    ("/v1/predictions/x/image", 404),
    ("/v1/predictions/x/similar", 404),
    ("/v1/predictions/x/similar?limit=49", 400),
    ("/v2/predict", 404),
    ("/v1/predict", 405),
]


async def test_bad_requests_are_refused(run: Any, serving: Any) -> None:
    async with run(serving) as api:
        for path, sent, status, code in BAD_REQUESTS:
            answer = await api.client.post(path, **sent)
            assert (answer.status_code, check_shape(answer)["code"]) == (status, code), (path, sent)


async def test_what_is_no_image_is_named(run: Any, serving: Any) -> None:
    async with run(serving) as api:
        for sent, found in (
            (_encoded(_noise(), "GIF"), "a GIF."),
            (b'{"image": "cat.jpg"}', 'the text \'{"image": "cat.jpg"}\'.'),
            (b"\0\0\0\x18ftypmp42\0\0\0\0", "a file of the kind 'mp42', as videos are."),
            (bytes(99), "bytes that begin with 00 00 00 00 00 00 00 00."),
        ):
            error = check_shape(await api.client.post("/v1/predict", content=sent, headers=JPEG))
            assert error["message"].endswith(f", found {found}")
            assert "curl --data-binary @FILE" in error["remedy"]


async def test_bad_looks_are_refused(run: Any, serving: Any) -> None:
    async with run(serving) as api:
        for path, status in BAD_LOOKS:
            answer = await api.client.get(path)
            assert answer.status_code == status, path
            check_shape(answer)


async def test_an_expired_prediction_is_gone(run: Any, serving: Any) -> None:
    from datetime import UTC, datetime, timedelta

    from store.predictions.totals import raise_expired_until

    moment = datetime.now(UTC) - timedelta(days=40)
    serving.database.write(lambda c: raise_expired_until(c, int(moment.timestamp() * 1000) + 1))
    sent = {"prediction_id": new_prediction_id(moment), "label": "red"}
    async with run(serving) as api:
        answer = await api.client.post("/v1/feedback", json=sent)
    assert (answer.status_code, check_shape(answer)["code"]) == (410, "prediction_gone")


async def test_every_route_of_the_document_answers_errors_in_one_shape(run: Any, serving: Any) -> None:
    bad = {"content": b"\xff{", "headers": JSON}
    async with run(serving) as api:
        document = (await api.client.get("/openapi.json")).json()
        routes = [(method, path) for path, item in document["paths"].items() for method in item]
        assert len(routes) >= 24
        for method, path in routes:
            concrete = re.sub(
                r"\{\w+_id\}",
                "0",
                path.replace("{version}", "v0").replace("{sha256}", "a").replace("{name}", "a"),
            )
            assert "{" not in concrete
            wrong_method = await api.client.request("PATCH", concrete)
            assert wrong_method.status_code == 405, path
            check_shape(wrong_method)
            answer = await api.client.request(method.upper(), concrete, params={"limit": "-1"}, **bad)
            if answer.status_code >= 400:
                assert answer.status_code in STATUSES - {503}, (path, answer.text)
                check_shape(answer)
            else:
                # Such a route takes neither a body, nor a limit, nor an id.
                assert method == "get" or path == "/v1/learning/resume", path


async def test_every_route_of_the_document_describes_its_errors(run: Any, serving: Any) -> None:
    async with run(serving) as api:
        document = (await api.client.get("/openapi.json")).json()
    shape = {"$ref": "#/components/schemas/ErrorBody"}
    for path, item in document["paths"].items():
        for operation in item.values():
            described = operation["responses"]["400"]["content"]["application/json"]["schema"]
            assert described == shape, path


async def test_an_unexpected_error_is_answered_in_the_same_shape(
    run: Any, serving: Any, monkeypatch: Any
) -> None:
    def fail() -> None:
        raise RuntimeError("a secret of the server's")

    async with run(serving) as api:
        monkeypatch.setattr("monitoring.summary.forgetting", lambda connection: fail())
        answer = await api.client.get("/v1/status")
        assert answer.status_code == 200
    settings = ServiceSettings(limits=ImageLimits(max_image_bytes=10))
    async with run(serving, settings) as api:
        answer = await api.client.get("/v1/forgetting")
    assert answer.status_code == 500
    assert "secret" not in answer.text
    check_shape(answer)


def test_every_error_of_the_rooms_below_has_an_answer() -> None:
    for room, base in ((store_errors, store_errors.StoreError), (vision_errors, vision_errors.ImageError)):
        for value in vars(room).values():
            if isinstance(value, type) and issubclass(value, base):
                assert answer_for(value("x")).status in STATUSES | {500}
    for cls in _descendants(ServiceError):
        assert answer_for(cls("x")).status in STATUSES | {499}
    for cls in _descendants(vision_errors.ImageError):
        assert 400 <= answer_for(cls("x")).status < 500
    assert answer_for(OSError(28, "No space left on device")).status == 503


def _descendants(cls: type[Exception]) -> list[type[Exception]]:
    children: list[type[Exception]] = cls.__subclasses__()
    return [*children, *(descendant for child in children for descendant in _descendants(child))]


def test_the_rooms_errors_are_drawn_where_they_are_defined() -> None:
    text = (Path(__file__).parents[2] / "service" / "errors.py").read_text()
    for cls in _descendants(ServiceError):
        if cls.__module__ == "service.errors":
            assert f"─ {cls.__name__} " in text
