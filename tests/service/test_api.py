"""The main path: predict, feedback, swap, look, delete."""

import asyncio
import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from vision.artifact import Artifact

JPEG = {"Content-Type": "image/jpeg"}


def picture(number: int = 0, kind: str = "JPEG") -> bytes:
    pixels = np.random.default_rng(number).integers(0, 255, (8, 8, 3)).repeat(4, axis=0).repeat(4, axis=1)
    buffer = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(buffer, kind)
    return buffer.getvalue()


def test_predict_then_feedback_makes_a_sample(run: Any, store: Any, artifacts: list[Artifact]) -> None:
    store.add(artifacts[0])

    async def work() -> None:
        async with run() as running:
            answer = await running.client.post("/v1/predict", content=picture(), headers=JPEG)
            assert answer.status_code == 200, answer.text
            prediction = answer.json()
            assert prediction["model_version"] == "v1"
            assert prediction["label"] == prediction["top"][0]["label"]
            assert sum(guess["confidence"] for guess in prediction["top"]) == pytest.approx(1.0)
            sent = {"prediction_id": prediction["prediction_id"], "label": "red"}
            answer = await running.client.post("/v1/feedback", json=sent)
            assert answer.status_code == 201, answer.text
            assert answer.json()["status"] == "accepted"
            status = (await running.client.get("/v1/status")).json()
            assert status["production"] == "v1"
            assert status["workers"][0]["version"] == "v1"

    asyncio.run(work())
