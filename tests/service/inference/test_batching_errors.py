"""Images that a batch does not answer: refused, bad, or dropped since their client has gone."""

import asyncio
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from service.errors import BusyError, NotReadyError
from service.inference.batching import Batcher, BatchHooks
from service.inference.images import Prepared, preparer
from service.inference.predictor import LiveModel, Prediction, Predictor
from service.settings import BatchSettings
from tests.service.inference.gated_predictor import GatedPredictor, MakeBatcher, Picture, until
from vision.decoding import ImageLimits
from vision.errors import ImageError, NotAnImageError
from vision.preprocessing import Preprocessing

pytestmark = pytest.mark.anyio


async def test_a_batch_of_bad_images_only_is_never_forwarded(
    models: list[LiveModel], make_batcher: MakeBatcher
) -> None:
    predictor = GatedPredictor(models[0])
    batcher = make_batcher(predictor)
    outcomes = await batcher.predict_many([b"no image"] * 3)
    assert all(isinstance(outcome, ImageError) for outcome in outcomes)
    assert not predictor.begun.is_set()
    await batcher.close()


async def test_past_the_queue_images_are_refused(
    models: list[LiveModel], make_batcher: MakeBatcher, picture: Picture
) -> None:
    refusals: list[int] = []
    predictor = GatedPredictor(models[0])
    hooks = BatchHooks(lambda size: None, lambda: refusals.append(1))
    batcher = make_batcher(predictor, hooks, max_queue=3)
    admitted = [asyncio.create_task(batcher.predict(picture(number))) for number in range(3)]
    await asyncio.sleep(0)
    with pytest.raises(BusyError):
        await batcher.predict(picture(9))
    with pytest.raises(BusyError):
        await batcher.predict_many([picture(9)])
    predictor.gate.set()
    await asyncio.gather(*admitted)
    assert len(refusals) == 2
    assert await batcher.predict(picture(9))
    await batcher.close()


async def test_a_client_that_hangs_up_is_dropped_before_the_forward_pass(
    models: list[LiveModel], make_batcher: MakeBatcher, picture: Picture
) -> None:
    predictor = GatedPredictor(models[0])
    batcher = make_batcher(predictor, max_batch=4)
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


async def test_a_bad_image_harms_nobody_else(
    models: list[LiveModel], make_batcher: MakeBatcher, picture: Picture
) -> None:
    batcher = make_batcher(Predictor(models[0]))
    first, second, third = await batcher.predict_many([picture(1), b"no image", picture(2)])
    assert isinstance(second, ImageError)
    assert not isinstance(first, ImageError)
    assert not isinstance(third, ImageError)
    assert first[0].version == third[0].version == "v1"
    with pytest.raises(NotAnImageError):
        await batcher.predict(b"no image")
    await batcher.close()


async def test_an_image_that_fails_unexpectedly_harms_nobody_else(
    models: list[LiveModel], picture: Picture
) -> None:
    prepare = preparer(ImageLimits())

    def prepare_or_fail(content: bytes, preprocessing: Preprocessing) -> Prepared:
        if content == b"a bug":
            raise ZeroDivisionError
        return prepare(content, preprocessing)

    predictor = GatedPredictor(models[0])
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


async def test_a_failing_forward_pass_is_an_error_once(
    models: list[LiveModel], make_batcher: MakeBatcher, picture: Picture
) -> None:
    class Failing(Predictor):
        def predict(self, model: LiveModel, images: Sequence[NDArray[np.uint8]]) -> list[Prediction]:
            if torch.get_default_dtype() is torch.float64:
                raise RuntimeError("out of memory")
            return super().predict(model, images)

    batcher = make_batcher(Failing(models[0]))
    torch.set_default_dtype(torch.float64)
    try:
        with pytest.raises(RuntimeError, match="out of memory"):
            await batcher.predict(picture())
    finally:
        torch.set_default_dtype(torch.float32)
    assert await batcher.predict(picture())
    await batcher.close()


async def test_without_a_version_nothing_is_decoded(make_batcher: MakeBatcher, picture: Picture) -> None:
    batcher = make_batcher(Predictor())
    with pytest.raises(NotReadyError):
        await batcher.predict(picture())
    with pytest.raises(NotReadyError):
        await batcher.predict_many([picture()])
    await batcher.close()
