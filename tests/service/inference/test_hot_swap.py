"""A worker follows production: loads beside the live version, keeps it where loading fails, and reports."""

import asyncio
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from service.inference.hot_swap import WARM_UP_BATCHES, HotSwap, SwapSettings
from service.inference.predictor import LiveModel, Prediction, Predictor
from store.database.database import now
from store.errors import DatabaseUnavailableError
from store.registry import promote
from store.versions import NewVersion, Version, add_version
from store.workers import read_workers
from vision.engines.choice import EngineSettings

pytestmark = pytest.mark.anyio


def _follower(store: Any) -> tuple[HotSwap, Predictor]:
    predictor = Predictor()
    return HotSwap(
        store.database, store.blobs, predictor, SwapSettings(0.01, EngineSettings(kind="torch"))
    ), predictor


def _beats(store: Any) -> list[tuple[str | None, str | None]]:
    with store.database.read() as connection:
        return [(worker.version, worker.error) for worker in read_workers(connection)]


def _break(store: Any) -> str:
    """Promote a version whose weights are no weights."""
    files = {name: store.blobs.put(b"broken") for name in ("weights.safetensors", "artifact.json")}
    new = NewVersion(("blue", "green", "red"), files, parent="v1")
    name = store.database.write(lambda connection: add_version(connection, new, [])).version
    store.database.write(lambda connection: promote(connection, name, reason="a test", actor="test"))
    return str(name)


async def test_before_the_first_version_it_reports_that_it_serves_none(store: Any) -> None:
    follower, predictor = _follower(store)
    await follower.look()
    assert predictor.live is None
    assert _beats(store) == [(None, None)]


async def test_it_follows_promotions_and_reports_at_once(serving: Any) -> None:
    follower, predictor = _follower(serving)
    for version in ("v1", "v2", "v1"):
        serving.promote(version)
        await follower.look()
        assert predictor.live is not None
        assert predictor.live.version == version
        assert _beats(serving) == [(version, None)]


async def test_beside_a_live_version_one_image_is_all_the_warm_up(serving: Any, monkeypatch: Any) -> None:
    follower, predictor = _follower(serving)
    sizes: list[int] = []
    predict = predictor.predict

    def counted(model: LiveModel, images: Sequence[NDArray[np.uint8]]) -> list[Prediction]:
        sizes.append(len(images))
        return predict(model, images)

    monkeypatch.setattr(predictor, "predict", counted)
    await follower.look()
    assert sizes == list(WARM_UP_BATCHES)
    sizes.clear()
    serving.promote("v2")
    await follower.look()
    assert sizes == [1]


async def test_a_version_that_cannot_be_loaded_leaves_the_live_one(serving: Any, monkeypatch: Any) -> None:
    follower, predictor = _follower(serving)
    await follower.look()
    broken = _break(serving)
    await follower.look()
    assert predictor.live is not None
    assert predictor.live.version == "v1"
    ((version, error),) = _beats(serving)
    assert version == "v1"
    assert error is not None
    assert error.startswith(f"{broken} could not be loaded")
    # It is tried again later, not at each look.
    loads: list[str] = []
    load = follower._load

    def counted(version: Version) -> LiveModel:
        loads.append(version.version)
        return load(version)

    monkeypatch.setattr(follower, "_load", counted)
    await follower.look()
    assert loads == []
    # Another version is loaded at once.
    serving.promote("v2")
    await follower.look()
    assert _beats(serving) == [("v2", None)]


async def test_going_back_to_the_live_version_clears_the_error(serving: Any) -> None:
    follower, _ = _follower(serving)
    await follower.look()
    _break(serving)
    await follower.look()
    serving.promote("v1")
    await follower.look()
    assert _beats(serving) == [("v1", None)]


async def test_it_goes_on_after_a_database_that_could_not_be_read(serving: Any, monkeypatch: Any) -> None:
    follower, predictor = _follower(serving)
    read, fails = serving.database.read_async, True

    async def read_or_fail(work: Any) -> Any:
        if fails:
            raise DatabaseUnavailableError("The database is away.")
        return await read(work)

    def is_live() -> bool:
        return predictor.live is not None

    monkeypatch.setattr(serving.database, "read_async", read_or_fail)
    follower.start()
    await asyncio.sleep(0.05)
    assert not is_live()
    fails = False
    async with asyncio.timeout(20):
        while not is_live():
            await asyncio.sleep(0.01)
    await follower.stop()
    assert _beats(serving) == []


async def test_a_read_that_fails_after_a_load_keeps_what_was_loaded(serving: Any, monkeypatch: Any) -> None:
    follower, predictor = _follower(serving)
    read, load = serving.database.read_async, follower._load
    loads: list[str] = []
    fails = True

    async def fail_to_read_the_time(work: Any) -> Any:
        if fails and work is now:
            raise DatabaseUnavailableError("The database is away.")
        return await read(work)

    def counted(version: Version) -> LiveModel:
        loads.append(version.version)
        return load(version)

    monkeypatch.setattr(serving.database, "read_async", fail_to_read_the_time)
    monkeypatch.setattr(follower, "_load", counted)
    with pytest.raises(DatabaseUnavailableError):
        await follower.look()
    assert predictor.live is not None
    fails = False
    await follower.look()
    assert loads == ["v1"]
    assert _beats(serving) == [("v1", None)]
