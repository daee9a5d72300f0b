"""Batches: which images share one, and which version answers."""

import asyncio
import threading
import time
from dataclasses import replace

import pytest

from service.inference.batching import Batcher, BatchHooks
from service.inference.images import Prepared, preparer
from service.inference.predictor import LiveModel, Predictor
from service.settings import BatchSettings
from tests.service.inference.gated_predictor import GatedPredictor, MakeBatcher, Picture, until
from vision.decoding import ImageLimits
from vision.preprocessing import Preprocessing

pytestmark = pytest.mark.anyio


async def test_the_next_batch_fills_while_one_is_in_flight(
    models: list[LiveModel], make_batcher: MakeBatcher, picture: Picture
) -> None:
    predictor = GatedPredictor(models[0])
    batcher = make_batcher(predictor, max_batch=4)
    first = asyncio.create_task(batcher.predict(picture(0)))
    await until(predictor.begun.is_set)
    others = [asyncio.create_task(batcher.predict(picture(number))) for number in range(1, 7)]
    await until(lambda: len(batcher._waiting) == 6)
    predictor.gate.set()
    await asyncio.gather(first, *others)
    assert predictor.sizes == [1, 4, 2]
    await batcher.close()


async def test_with_two_threads_two_batches_are_in_flight(
    models: list[LiveModel], make_batcher: MakeBatcher, picture: Picture
) -> None:
    predictor = GatedPredictor(models[0])
    batcher = make_batcher(predictor, max_batch=4, num_threads=2)
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


async def test_threads_that_were_idle_share_what_waits(
    models: list[LiveModel], make_batcher: MakeBatcher, picture: Picture
) -> None:
    predictor = GatedPredictor(models[0])
    batcher = make_batcher(predictor, max_batch=8, num_threads=2, wait_seconds=10)
    in_flight = []
    for number in range(2):
        in_flight.append(asyncio.create_task(batcher.predict(picture(number))))
        await until(predictor.begun.is_set)
        predictor.begun.clear()
    others = [asyncio.create_task(batcher.predict(picture(number))) for number in range(2, 8)]
    await until(lambda: len(batcher._waiting) == 6)
    predictor.gate.set()
    await asyncio.gather(*in_flight, *others)
    # The first thread to begin adds half of what waits at that moment to its batch.
    assert len(predictor.sizes) >= 4
    assert max(predictor.sizes) <= 3
    await batcher.close()


async def test_threads_that_are_never_idle_fill_their_batches(
    models: list[LiveModel], make_batcher: MakeBatcher, picture: Picture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.inference.batching._IDLE_SECONDS", float("inf"))
    predictor = GatedPredictor(models[0])
    batcher = make_batcher(predictor, max_batch=8, num_threads=2, wait_seconds=10)
    first = asyncio.create_task(batcher.predict(picture(0)))
    await until(predictor.begun.is_set)
    held = threading.Event()
    batcher._threads.submit(held.wait, 10)
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


async def test_closing_waits_for_every_batch_in_flight(
    models: list[LiveModel], make_batcher: MakeBatcher, picture: Picture
) -> None:
    predictor = GatedPredictor(models[0])
    batcher = make_batcher(predictor, num_threads=2)
    answers = [asyncio.create_task(batcher.predict(picture(0)))]
    await until(predictor.begun.is_set)
    predictor.begun.clear()
    answers.append(asyncio.create_task(batcher.predict(picture(1))))
    await until(predictor.begun.is_set)
    closing = asyncio.create_task(batcher.close())
    await asyncio.sleep(0)
    assert not closing.done()
    predictor.gate.set()
    await closing
    assert [(await task)[0].version for task in answers] == ["v1", "v1"]


async def test_each_image_gets_its_own_answer(
    models: list[LiveModel], make_batcher: MakeBatcher, picture: Picture
) -> None:
    batcher = make_batcher(Predictor(models[0]), max_batch=8)
    contents = [picture(number) for number in range(20)]
    alone = [(await batcher.predict(content))[0] for content in contents]
    together = await asyncio.gather(*(batcher.predict(content) for content in contents))
    for one, (other, prepared) in zip(alone, together, strict=True):
        assert [label for label, _ in other.top] == [label for label, _ in one.top]
        assert [value for _, value in other.top] == pytest.approx([value for _, value in one.top], abs=1e-4)
        assert prepared.pixels.shape == (32, 32, 3)
    await batcher.close()


async def test_a_lone_image_does_not_wait(
    models: list[LiveModel], make_batcher: MakeBatcher, picture: Picture
) -> None:
    batcher = make_batcher(Predictor(models[0]), wait_seconds=60.0)
    async with asyncio.timeout(10):
        await batcher.predict(picture())
    await batcher.close()


async def test_a_batch_that_decodes_for_too_long_leaves_the_others_to_the_next(
    models: list[LiveModel], picture: Picture
) -> None:
    predictor = GatedPredictor(models[0])
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


async def test_a_swap_never_mixes_two_versions_in_one_batch(
    models: list[LiveModel], make_batcher: MakeBatcher, picture: Picture
) -> None:
    predictor = GatedPredictor(models[0])
    batcher = make_batcher(predictor, max_batch=8)
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
    models: list[LiveModel], make_batcher: MakeBatcher, picture: Picture
) -> None:
    artifact = models[1].artifact
    wanted = replace(artifact.preprocessing, mean=(0.1, 0.2, 0.3))
    other = replace(models[1], version="v3", artifact=replace(artifact, preprocessing=wanted))
    predictor = GatedPredictor(models[0])
    batcher = make_batcher(predictor)
    first = asyncio.create_task(batcher.predict(picture(0)))
    await until(predictor.begun.is_set)
    second = asyncio.create_task(batcher.predict(picture(1)))
    await until(lambda: len(batcher._waiting) == 1)
    predictor.swap(other)
    predictor.gate.set()
    await first
    fresh = make_batcher(Predictor(other))
    expected = (await fresh.predict(picture(1)))[0]
    assert dict((await second)[0].top) == pytest.approx(dict(expected.top), abs=1e-4)
    await batcher.close()
    await fresh.close()
