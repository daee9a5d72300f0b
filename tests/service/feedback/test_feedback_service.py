"""Labels: what is one, and how feedback finds a prediction that is still being written."""

import asyncio
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from service.inference.images import sha256_of
from service.settings import BatchSettings, ServiceSettings
from store.database.schema import samples
from store.errors import UnknownPredictionError
from store.predictions.prediction_ids import new_prediction_id
from store.samples.near_duplicates import num_differing_bits

JPEG = {"Content-Type": "image/jpeg"}

pytestmark = pytest.mark.anyio


async def test_feedback_waits_for_a_prediction_that_is_still_being_written(
    run: Any, serving: Any, picture: Any, monkeypatch: Any
) -> None:
    gate, put_many = asyncio.Event(), serving.blobs.put_many

    async def slow(contents: dict[str, bytes]) -> None:
        await gate.wait()
        await put_many(contents)

    async with run(serving) as api:
        monkeypatch.setattr(serving.blobs, "put_many", slow)
        answer = await api.client.post("/v1/predict", content=picture(), headers=JPEG)
        sent = {"prediction_id": answer.json()["prediction_id"], "label": "red"}
        feedback = asyncio.create_task(api.client.post("/v1/feedback", json=sent))
        await asyncio.sleep(0.3)
        assert not feedback.done()
        gate.set()
        assert (await feedback).status_code == 201


async def test_a_predictions_image_is_flushed_before_its_label_is_acknowledged(
    run: Any, serving: Any, picture: Any, monkeypatch: Any
) -> None:
    flush, flushed = serving.blobs.flush, list[str]()

    def noted(sha256: str) -> None:
        flush(sha256)
        with serving.database.read() as connection:
            assert connection.execute(select(samples)).all() == []
        flushed.append(sha256)

    monkeypatch.setattr(serving.blobs, "flush", noted)
    async with run(serving) as api:
        answer = await api.client.post("/v1/predict", content=picture(), headers=JPEG)
        sent = {"prediction_id": answer.json()["prediction_id"], "label": "red"}
        assert (await api.client.post("/v1/feedback", json=sent)).status_code == 201
    assert flushed == [sha256_of(picture())]


async def test_near_duplicates_share_a_split_whether_the_image_came_before_or_with_its_label(
    run: Any, serving: Any, picture: Any
) -> None:
    async with run(serving) as api:
        answers = [await api.client.post("/v1/predict", content=picture(n), headers=JPEG) for n in (0, 1)]
        for answer in answers:
            sent = {"prediction_id": answer.json()["prediction_id"], "label": "red"}
            assert (await api.client.post("/v1/feedback", json=sent)).status_code == 201
        as_png = {"image": picture(0, "PNG")}
        assert (await api.client.post("/v1/feedback", files=as_png, data={"label": "red"})).status_code == 201
    with serving.database.read() as connection:
        first, second, near = connection.execute(select(samples.c.phash, samples.c.split)).all()
    assert num_differing_bits(first.phash, near.phash) <= 4 < num_differing_bits(first.phash, second.phash)
    assert first.split == near.split


async def test_a_label_for_an_answer_whose_image_is_lost_asks_for_the_image(
    run: Any, serving: Any, picture: Any
) -> None:
    async with run(serving) as api:
        answer = await api.client.post("/v1/predict", content=picture(), headers=JPEG)
        sent = {"prediction_id": answer.json()["prediction_id"], "label": "red"}
        logged = await api.services.feedback.find(sent["prediction_id"])
        serving.blobs.delete(logged.sha256)
        refused = await api.client.post("/v1/feedback", json=sent)
        assert (refused.status_code, refused.json()["error"]["code"]) == (410, "image_gone")
    with serving.database.read() as connection:
        assert connection.execute(select(samples)).all() == []


async def test_past_the_queue_images_with_labels_are_refused(
    run: Any, serving: Any, picture: Any, monkeypatch: Any
) -> None:
    gate, put = threading.Event(), serving.blobs.put

    def slow(content: bytes) -> str:
        assert gate.wait(10)
        return str(put(content))

    def send(number: int) -> Any:
        return api.client.post("/v1/feedback", files={"image": picture(number)}, data={"label": "red"})

    async with run(serving, ServiceSettings(batch=BatchSettings(max_queue=2))) as api:
        monkeypatch.setattr(serving.blobs, "put", slow)
        waiting = [asyncio.create_task(send(number)) for number in range(2)]
        while api.services.feedback.admission.num_admitted < 2:
            await asyncio.sleep(0.001)
        refused = await send(2)
        assert (refused.status_code, refused.json()["error"]["code"]) == (429, "too_many_requests")
        assert refused.headers["Retry-After"]
        gate.set()
        assert [(await each).status_code for each in waiting] == [201, 201]
        assert (await send(2)).status_code == 201


async def test_bytes_that_were_deleted_before_their_row_was_there_are_put_again(
    run: Any, serving: Any, picture: Any, monkeypatch: Any
) -> None:
    put, puts = serving.blobs.put, list[str]()

    def put_and_lose_the_first(content: bytes) -> str:
        puts.append(put(content))
        if len(puts) == 1:
            serving.blobs.delete(puts[0])
        return puts[-1]

    async with run(serving) as api:
        monkeypatch.setattr(serving.blobs, "put", put_and_lose_the_first)
        answer = await api.client.post("/v1/feedback", files={"image": picture()}, data={"label": "red"})
    assert answer.status_code == 201
    assert serving.blobs.exists(puts[0])


async def test_feedback_finds_what_another_worker_writes_a_moment_later(
    run: Any, serving: Any, picture: Any
) -> None:
    async with run(serving) as first, run(serving) as second:
        for number in range(5):
            answer = await first.client.post("/v1/predict", content=picture(number), headers=JPEG)
            sent = {"prediction_id": answer.json()["prediction_id"], "label": "red"}
            feedback = await second.client.post("/v1/feedback", json=sent)
            assert feedback.status_code == 201, feedback.text


async def test_only_a_fresh_id_is_waited_for(run: Any, serving: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("service.feedback.feedback_service.OTHER_WORKER_SECONDS", 0.2)
    old = new_prediction_id(datetime.now(UTC) - timedelta(minutes=5))
    reads = 0
    read = serving.database.read_async

    async def count(work: Any) -> Any:
        nonlocal reads
        reads += 1
        return await read(work)

    async with run(serving) as api:
        monkeypatch.setattr(serving.database, "read_async", count)
        with pytest.raises(UnknownPredictionError):
            await api.services.feedback.find(old)
        assert reads == 1
        with pytest.raises(UnknownPredictionError):
            await api.services.feedback.find(new_prediction_id(datetime.now(UTC)))
        assert reads > 2
