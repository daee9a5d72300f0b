"""Batches: who shares one, who is refused, who is dropped, and which version answers."""

import asyncio
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from service.batching import Batcher, BatchHooks
from service.errors import BusyError, NotReadyError
from service.images import Prepared, preparer
from service.predictor import LiveModel, Prediction, Predictor, load_model
from service.settings import BatchSettings
from vision.artifact import Artifact, to_files
from vision.engines.choice import EngineSettings
from vision.errors import ImageError, NotAnImageError
from vision.preprocessing import ImageLimits, Preprocessing

pytestmark = pytest.mark.anyio


class Gated(Predictor):
    """A predictor whose forward passes wait for a gate, and that remembers them."""

    def __init__(self, live: LiveModel | None) -> None:
        super().__init__(live)
        self.gate = threading.Event()
        self.begun = threading.Event()
        self.sizes: list[int] = []

    def predict(self, model: LiveModel, images: list[Tensor]) -> list[Prediction]:  # type: ignore[override]  # a gate in the middle
        self.begun.set()
        assert self.gate.wait(10)
        self.sizes.append(len(images))
        return super().predict(model, images)


@pytest.fixture(scope="module")
def models(artifacts: list[Artifact]) -> list[LiveModel]:
    return [
        load_model(f"v{number}", to_files(artifact), EngineSettings(kind="torch"))
        for number, artifact in enumerate(artifacts, 1)
    ]


@pytest.fixture
def make() -> Callable[..., Batcher]:
    def batcher(predictor: Predictor, hooks: BatchHooks | None = None, **settings: Any) -> Batcher:
        hooks = hooks or BatchHooks(lambda size: None, lambda: None)
        return Batcher(predictor, preparer(ImageLimits()), BatchSettings(**settings), hooks)

    return batcher


async def until(claim: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not claim():
            await asyncio.sleep(0.001)


async def test_the_next_batch_fills_while_one_is_in_flight(models: Any, make: Any, picture: Any) -> None:
    predictor = Gated(models[0])
    batcher = make(predictor, max_batch=4)
    first = asyncio.create_task(batcher.predict(picture(0)))
    await until(predictor.begun.is_set)
    others = [asyncio.create_task(batcher.predict(picture(number))) for number in range(1, 7)]
    await until(lambda: len(batcher._waiting) == 6)
    predictor.gate.set()
    await asyncio.gather(first, *others)
    assert predictor.sizes == [1, 4, 2]
    await batcher.close()


async def test_with_two_lanes_two_batches_are_in_flight(models: Any, make: Any, picture: Any) -> None:
    predictor = Gated(models[0])
    batcher = make(predictor, max_batch=4, lanes=2)
    first = asyncio.create_task(batcher.predict(picture(0)))
    await until(predictor.begun.is_set)
    predictor.begun.clear()
    second = asyncio.create_task(batcher.predict(picture(1)))
    await until(predictor.begun.is_set)
    third = asyncio.create_task(batcher.predict(picture(2)))
    await until(lambda: len(batcher._waiting) == 1)
    predictor.gate.set()
    await asyncio.gather(first, second, third)
    assert predictor.sizes == [1, 1, 1]
    await batcher.close()


async def test_lanes_that_had_a_rest_share_what_waits(models: Any, make: Any, picture: Any) -> None:
    predictor = Gated(models[0])
    batcher = make(predictor, max_batch=8, lanes=2, wait_seconds=10)
    in_flight = []
    for number in range(2):
        in_flight.append(asyncio.create_task(batcher.predict(picture(number))))
        await until(predictor.begun.is_set)
        predictor.begun.clear()
    others = [asyncio.create_task(batcher.predict(picture(number))) for number in range(2, 8)]
    await until(lambda: len(batcher._waiting) == 6)
    predictor.gate.set()
    await asyncio.gather(*in_flight, *others)
    # Whoever comes first takes half of what is there at that moment.
    assert len(predictor.sizes) >= 4
    assert max(predictor.sizes) <= 3
    await batcher.close()


async def test_lanes_that_never_rest_fill_their_batches(
    models: Any, make: Any, picture: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.batching._REST_SECONDS", float("inf"))
    predictor = Gated(models[0])
    batcher = make(predictor, max_batch=8, lanes=2, wait_seconds=10)
    first = asyncio.create_task(batcher.predict(picture(0)))
    await until(predictor.begun.is_set)
    held = threading.Event()
    batcher._lanes.submit(held.wait, 10)
    second = asyncio.create_task(batcher.predict(picture(1)))
    await until(lambda: len(batcher._free_since) == 0)
    others = [asyncio.create_task(batcher.predict(picture(number))) for number in range(2, 8)]
    await until(lambda: len(batcher._waiting) == 6)
    predictor.gate.set()
    await asyncio.gather(first, *others)
    assert predictor.sizes[:2] == [1, 6]
    held.set()
    await second
    await batcher.close()


async def test_closing_waits_for_every_batch_in_flight(models: Any, make: Any, picture: Any) -> None:
    predictor = Gated(models[0])
    batcher = make(predictor, lanes=2)
    asked = [asyncio.create_task(batcher.predict(picture(0)))]
    await until(predictor.begun.is_set)
    predictor.begun.clear()
    asked.append(asyncio.create_task(batcher.predict(picture(1))))
    await until(predictor.begun.is_set)
    closing = asyncio.create_task(batcher.close())
    await asyncio.sleep(0)
    assert not closing.done()
    predictor.gate.set()
    await closing
    assert [(await task)[0].version for task in asked] == ["v1", "v1"]


async def test_everybody_gets_their_own_answer(models: Any, make: Any, picture: Any) -> None:
    batcher = make(Predictor(models[0]), max_batch=8)
    contents = [picture(number) for number in range(20)]
    alone = [(await batcher.predict(content))[0] for content in contents]
    together = await asyncio.gather(*(batcher.predict(content) for content in contents))
    for one, (other, prepared) in zip(alone, together, strict=True):
        assert [label for label, _ in other.top] == [label for label, _ in one.top]
        assert [value for _, value in other.top] == pytest.approx([value for _, value in one.top], abs=1e-4)
        assert prepared.pixels.shape == (32, 32, 3)
    await batcher.close()


async def test_a_lone_image_does_not_wait(models: Any, make: Any, picture: Any) -> None:
    batcher = make(Predictor(models[0]), wait_seconds=60.0)
    async with asyncio.timeout(10):
        await batcher.predict(picture())
    await batcher.close()


async def test_a_batch_that_decodes_for_too_long_leaves_the_others_to_the_next(
    models: Any, picture: Any
) -> None:
    predictor = Gated(models[0])
    prepare = preparer(ImageLimits())

    def prepare_slowly(content: bytes, preprocessing: Preprocessing) -> Prepared:
        time.sleep(0.05)
        return prepare(content, preprocessing)

    hooks = BatchHooks(lambda size: None, lambda: None)
    batcher = Batcher(predictor, prepare_slowly, BatchSettings(wait_seconds=0.12), hooks)
    first = asyncio.create_task(batcher.predict(picture(0)))
    await until(predictor.begun.is_set)
    others = [asyncio.create_task(batcher.predict(picture(number))) for number in range(1, 5)]
    await until(lambda: len(batcher._waiting) == 4)
    predictor.gate.set()
    await asyncio.gather(first, *others)
    assert sum(predictor.sizes) == 5
    assert max(predictor.sizes) < 4
    await batcher.close()


async def test_a_batch_of_bad_images_only_is_never_forwarded(models: Any, make: Any) -> None:
    predictor = Gated(models[0])
    batcher = make(predictor)
    assert all(isinstance(found, ImageError) for found in await batcher.predict_many([b"no image"] * 3))
    assert not predictor.begun.is_set()
    await batcher.close()


async def test_a_swap_never_mixes_two_versions_in_one_batch(models: Any, make: Any, picture: Any) -> None:
    predictor = Gated(models[0])
    batcher = make(predictor, max_batch=8)
    first = asyncio.create_task(batcher.predict(picture(0)))
    await until(predictor.begun.is_set)
    second = [asyncio.create_task(batcher.predict(picture(number))) for number in range(1, 5)]
    await until(lambda: len(batcher._waiting) == 4)
    predictor.swap(models[1])
    predictor.gate.set()
    assert (await first)[0].version == "v1"
    assert {(await task)[0].version for task in second} == {"v2"}
    await batcher.close()


async def test_an_image_that_waited_through_a_swap_is_prepared_as_the_new_version_wants(
    models: Any, make: Any, picture: Any
) -> None:
    artifact = models[1].artifact
    wanted = replace(artifact.preprocessing, mean=(0.1, 0.2, 0.3))
    other = replace(models[1], version="v3", artifact=replace(artifact, preprocessing=wanted))
    predictor = Gated(models[0])
    batcher = make(predictor)
    first = asyncio.create_task(batcher.predict(picture(0)))
    await until(predictor.begun.is_set)
    second = asyncio.create_task(batcher.predict(picture(1)))
    await until(lambda: len(batcher._waiting) == 1)
    predictor.swap(other)
    predictor.gate.set()
    await first
    fresh = make(Predictor(other))
    expected = (await fresh.predict(picture(1)))[0]
    assert dict((await second)[0].top) == pytest.approx(dict(expected.top), abs=1e-4)
    await batcher.close()
    await fresh.close()


async def test_past_the_queue_images_are_refused(models: Any, make: Any, picture: Any) -> None:
    refusals: list[int] = []
    predictor = Gated(models[0])
    hooks = BatchHooks(lambda size: None, lambda: refusals.append(1))
    batcher = make(predictor, hooks, max_queue=3)
    taken = [asyncio.create_task(batcher.predict(picture(number))) for number in range(3)]
    await asyncio.sleep(0)
    with pytest.raises(BusyError):
        await batcher.predict(picture(9))
    with pytest.raises(BusyError):
        await batcher.predict_many([picture(9)])
    predictor.gate.set()
    await asyncio.gather(*taken)
    assert len(refusals) == 2
    assert await batcher.predict(picture(9))
    await batcher.close()


async def test_who_hangs_up_is_dropped_before_the_forward_pass(models: Any, make: Any, picture: Any) -> None:
    predictor = Gated(models[0])
    batcher = make(predictor, max_batch=4)
    first = asyncio.create_task(batcher.predict(picture(0)))
    await until(predictor.begun.is_set)
    stays = asyncio.create_task(batcher.predict(picture(1)))
    goes = asyncio.create_task(batcher.predict(picture(2)))
    await until(lambda: len(batcher._waiting) == 2)
    goes.cancel()
    await asyncio.gather(goes, return_exceptions=True)
    predictor.gate.set()
    await asyncio.gather(first, stays)
    assert predictor.sizes == [1, 1]
    assert batcher.admission.num_admitted == 0
    await batcher.close()


async def test_a_bad_image_harms_nobody_else(models: Any, make: Any, picture: Any) -> None:
    batcher = make(Predictor(models[0]))
    found = await batcher.predict_many([picture(1), b"no image", picture(2)])
    assert isinstance(found[1], ImageError)
    assert found[0][0].version == found[2][0].version == "v1"
    with pytest.raises(NotAnImageError):
        await batcher.predict(b"no image")
    await batcher.close()


async def test_an_image_that_fails_as_nobody_foresaw_harms_nobody_else(models: Any, picture: Any) -> None:
    prepare = preparer(ImageLimits())

    def prepare_or_fail(content: bytes, preprocessing: Preprocessing) -> Prepared:
        if content == b"a bug":
            raise ZeroDivisionError
        return prepare(content, preprocessing)

    predictor = Gated(models[0])
    batcher = Batcher(
        predictor, prepare_or_fail, BatchSettings(), BatchHooks(lambda size: None, lambda: None)
    )
    first = asyncio.create_task(batcher.predict(picture(0)))
    await until(predictor.begun.is_set)
    fails, stays = (asyncio.create_task(batcher.predict(content)) for content in (b"a bug", picture(1)))
    await until(lambda: len(batcher._waiting) == 2)
    predictor.gate.set()
    assert (await first)[0].version == (await stays)[0].version == "v1"
    with pytest.raises(ZeroDivisionError):
        await fails
    assert predictor.sizes == [1, 1]
    await batcher.close()


async def test_a_failing_forward_pass_is_told_and_forgotten(models: Any, make: Any, picture: Any) -> None:
    class Failing(Predictor):
        def predict(self, model: LiveModel, images: Any) -> list[Prediction]:
            if torch.get_default_dtype() is torch.float64:
                raise RuntimeError("out of memory")
            return super().predict(model, images)

    batcher = make(Failing(models[0]))
    torch.set_default_dtype(torch.float64)
    try:
        with pytest.raises(RuntimeError, match="out of memory"):
            await batcher.predict(picture())
    finally:
        torch.set_default_dtype(torch.float32)
    assert await batcher.predict(picture())
    await batcher.close()


async def test_without_a_version_nothing_is_decoded(make: Any, picture: Any) -> None:
    batcher = make(Predictor())
    with pytest.raises(NotReadyError):
        await batcher.predict(picture())
    with pytest.raises(NotReadyError):
        await batcher.predict_many([picture()])
    await batcher.close()
