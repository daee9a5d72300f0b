"""A predictor whose forward passes wait for a test."""

import asyncio
import threading
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from service.inference.batching import Batcher
from service.inference.predictor import LiveModel, Prediction, Predictor

MakeBatcher = Callable[..., Batcher]
Picture = Callable[..., bytes]


class GatedPredictor(Predictor):
    """A predictor whose forward passes wait for a gate, and that remembers them."""

    def __init__(self, live: LiveModel | None) -> None:
        super().__init__(live)
        self.gate = threading.Event()
        self.begun = threading.Event()
        self.sizes: list[int] = []

    def predict(self, model: LiveModel, images: Sequence[NDArray[np.uint8]]) -> list[Prediction]:
        self.begun.set()
        assert self.gate.wait(10)
        self.sizes.append(len(images))
        return super().predict(model, images)


async def until(claim: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not claim():
            await asyncio.sleep(0.001)
