"""The log is written behind, in groups, bytes before rows, with bounded memory."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select

from service.inference.images import sha256_of
from service.inference.prediction_log import PredictionLog
from store.database.schema import predictions
from store.errors import BlobsUnavailableError
from store.predictions.prediction_ids import new_prediction_id
from store.predictions.predictions import LoggedPrediction
from store.samples.splits import SplitSettings

pytestmark = pytest.mark.anyio


def _row(content: bytes) -> LoggedPrediction:
    moment = datetime.now(UTC)
    return LoggedPrediction(
        id=new_prediction_id(moment),
        sha256=sha256_of(content),
        num_bytes=len(content),
        label="red",
        confidence=0.5,
        version="v1",
        embedding=b"\0\0",
        group=None,
        source="local",
        created=moment,
    )


def _ids(store: Any) -> set[str]:
    with store.database.read() as connection:
        return set(connection.scalars(select(predictions.c.id)))


async def test_many_predictions_share_few_commits(store: Any, commits: list[Any]) -> None:
    log = PredictionLog(store.database, store.blobs, SplitSettings(), lambda number: None)
    commits.clear()
    rows = [(_row(content), content) for content in (f"image {n % 50}".encode() for n in range(300))]
    for row, content in rows:
        await log.add(row, content)
    await log.close()
    assert _ids(store) == {row.id for row, _ in rows}
    assert len(commits) <= 3
    assert all(store.blobs.get(row.sha256) == content for row, content in rows[:50])


async def test_written_returns_once_the_row_is_there(store: Any) -> None:
    log = PredictionLog(store.database, store.blobs, SplitSettings(), lambda number: None)
    row = _row(b"image")
    await log.add(row, b"image")
    assert _ids(store) == set()
    await log.written(row.id)
    assert _ids(store) == {row.id}
    await log.written("unknown")


async def test_what_cannot_be_written_is_counted_and_the_next_is_written(
    store: Any, monkeypatch: Any
) -> None:
    lost: list[int] = []
    log = PredictionLog(store.database, store.blobs, SplitSettings(), lost.append)

    async def refuse(contents: object) -> None:
        raise BlobsUnavailableError("Expected to store bytes, found a full disk.")

    with monkeypatch.context() as patch:
        patch.setattr(store.blobs, "put_many", refuse)
        first = _row(b"image")
        await log.add(first, b"image")
        await log.written(first.id)
    assert lost == [1]
    second = _row(b"other")
    await log.add(second, b"other")
    await log.close()
    assert _ids(store) == {second.id}


async def test_answers_wait_once_the_disk_is_too_far_behind(store: Any) -> None:
    log = PredictionLog(
        store.database, store.blobs, SplitSettings(), lambda number: None, max_backlog_bytes=1000
    )
    await log.add(_row(b"a" * 1001), b"a" * 1001)
    waits = asyncio.create_task(log.add(_row(b"b"), b"b"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not waits.done()
    async with asyncio.timeout(10):
        await waits
    await log.close()
    assert len(_ids(store)) == 2
