"""What is answered while the database, the bytes or a version are away."""

import errno
import os
import sqlite3
from typing import Any

import pytest
from obstore.exceptions import GenericError
from sqlalchemy.exc import OperationalError

from store.versions import find_version
from tests.service.error_shape import check_shape

pytestmark = pytest.mark.anyio

JPEG = {"Content-Type": "image/jpeg"}

SECRET = "connection to db.internal as perennial refused"


def _refused(code: int) -> OperationalError:
    """Return what SQLAlchemy raises for an error of SQLite."""
    error = sqlite3.OperationalError(SECRET)
    error.sqlite_errorcode = code
    return OperationalError("SELECT 1", {}, error)


async def test_nothing_is_acknowledged_when_the_database_cannot_be_written(
    run: Any, serving: Any, picture: Any
) -> None:
    async with run(serving) as api:
        lock = sqlite3.connect(serving.folder / "perennial.db", isolation_level=None)
        lock.execute("BEGIN IMMEDIATE")
        feedback = await api.client.post("/v1/feedback", files={"image": picture()}, data={"label": "red"})
        prediction = await api.client.post("/v1/predict", content=picture(), headers=JPEG)
        lock.execute("ROLLBACK")
        lock.close()
    assert (feedback.status_code, check_shape(feedback)["code"]) == (503, "database_locked")
    assert feedback.headers["Retry-After"]
    # Predictions need no disk.
    assert prediction.status_code == 200


async def test_nothing_is_acknowledged_when_the_bytes_cannot_be_stored(
    run: Any, serving: Any, picture: Any, monkeypatch: Any
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("store.blobs.blob_store.put_file", refuse)
    async with run(serving) as api:
        answer = await api.client.post("/v1/feedback", files={"image": picture()}, data={"label": "red"})
        prediction = await api.client.post("/v1/predict", content=picture(), headers=JPEG)
        assert prediction.status_code == 200
        await api.services.log.close()
        metrics = (await api.client.get("/metrics")).text
    assert (answer.status_code, check_shape(answer)["code"]) == (503, "disk_full")
    assert "perennial_prediction_log_errors_total 1.0" in metrics


OUTAGES: list[tuple[Exception, str]] = [
    (_refused(sqlite3.SQLITE_BUSY), "database_locked"),
    (_refused(sqlite3.SQLITE_FULL), "disk_full"),
    (_refused(sqlite3.SQLITE_IOERR_SHMSIZE), "disk_full"),
    (_refused(sqlite3.SQLITE_READONLY), "database_read_only"),
    (_refused(sqlite3.SQLITE_CANTOPEN), "database_away"),
    (_refused(sqlite3.SQLITE_CORRUPT), "database_damaged"),
    (_refused(sqlite3.SQLITE_IOERR), "store_unavailable"),
]


async def test_what_the_database_refuses_is_told_by_its_cause_and_not_in_its_own_words(
    run: Any, serving: Any, monkeypatch: Any
) -> None:
    async with run(serving) as api:
        for refusal, code in OUTAGES:

            def refuse(*_: object, error: Exception = refusal) -> None:
                raise error

            monkeypatch.setattr("monitoring.summary.forgetting", refuse)
            answer = await api.client.get("/v1/forgetting")
            assert (answer.status_code, check_shape(answer)["code"]) == (503, code)
            assert SECRET not in answer.text
        assert (await api.client.get("/readyz")).status_code == 200


async def test_a_bucket_that_is_away_is_told_as_that_and_not_in_its_own_words(
    run: Any, serving: Any, picture: Any, monkeypatch: Any
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise GenericError(SECRET)

    monkeypatch.setattr("store.blobs.blob_store.put_file", refuse)
    async with run(serving) as api:
        answer = await api.client.post("/v1/feedback", files={"image": picture()}, data={"label": "red"})
    assert (answer.status_code, check_shape(answer)["code"]) == (503, "storage_away")
    assert SECRET not in answer.text


async def test_a_label_for_an_answer_that_could_not_be_logged_is_unavailable_then_gone(
    run: Any, serving: Any, picture: Any, monkeypatch: Any
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    async with run(serving) as api, run(serving) as other:
        with monkeypatch.context() as patch:
            patch.setattr("store.blobs.blob_store.put_file", refuse)
            answer = await api.client.post("/v1/predict", content=picture(), headers=JPEG)
            sent = {"prediction_id": answer.json()["prediction_id"], "label": "red"}
            away = await api.client.post("/v1/feedback", json=sent)
            # Another worker can't write either, whichever answered.
            await other.client.post("/v1/predict", content=picture(1), headers=JPEG)
            await other.services.log.close()
            elsewhere = await other.client.post("/v1/feedback", json=sent)
        await api.client.post("/v1/predict", content=picture(2), headers=JPEG)
        await api.services.log.close()
        back = await api.client.post("/v1/feedback", json=sent)
    assert (away.status_code, check_shape(away)["code"]) == (503, "disk_full")
    assert (elsewhere.status_code, check_shape(elsewhere)["code"]) == (503, "disk_full")
    assert (back.status_code, check_shape(back)["code"]) == (410, "prediction_gone")


async def test_what_keeps_a_version_from_loading_stands_in_the_answers_and_the_status(
    run: Any, serving: Any, picture: Any
) -> None:
    with serving.database.read() as connection:
        files = find_version(connection, "v1").files
    for sha256 in files.values():
        serving.blobs.delete(sha256)
    async with run(serving) as api:
        await api.services.hot_swap.look()
        refused = await api.client.post("/v1/predict", content=picture(), headers=JPEG)
        not_ready = await api.client.get("/readyz")
        status = (await api.client.get("/v1/status")).json()
    for answer in (refused, not_ready):
        assert (answer.status_code, check_shape(answer)["code"]) == (503, "not_ready")
        assert "v1 could not be loaded: Expected the bytes" in check_shape(answer)["message"]
    assert "v1 could not be loaded" in status["workers"][0]["error"]


async def test_without_a_version_the_answers_say_how_to_make_one(run: Any, store: Any, picture: Any) -> None:
    async with run(store) as api:
        refused = await api.client.post("/v1/predict", content=picture(), headers=JPEG)
    assert "perennial train" in check_shape(refused)["message"]


async def test_a_removed_database_acknowledges_nothing_and_is_not_ready(
    run: Any, serving: Any, picture: Any
) -> None:
    file = serving.folder / "perennial.db"
    image = {"image": picture()}
    async with run(serving) as api:
        assert (await api.client.post("/v1/feedback", files=image, data={"label": "red"})).status_code == 201
        file.rename(file.with_name("elsewhere.db"))
        answers = [
            await api.client.post("/v1/feedback", files={"image": picture(1)}, data={"label": "red"}),
            await api.client.get("/v1/status"),
            await api.client.get("/readyz"),
        ]
        assert not file.exists()
        file.with_name("elsewhere.db").rename(file)
        assert (await api.client.get("/readyz")).status_code == 200
        assert (await api.client.post("/v1/feedback", files=image, data={"label": "red"})).status_code == 201
    assert [(answer.status_code, check_shape(answer)["code"]) for answer in answers] == [
        (503, "database_removed")
    ] * 3
