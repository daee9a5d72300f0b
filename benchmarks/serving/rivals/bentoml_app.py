"""BentoML's own batching: `batchable=True`, clients sending lists of one."""

import os
from pathlib import Path
from typing import Annotated, Any

import bentoml
import torch
from bentoml.validators import ContentType

from benchmarks.serving.rivals.network import classify, load_network, prepare


@bentoml.service(workers=int(os.environ.get("NUM_WORKERS", "1")), traffic={"timeout": 120})
class Rival:
    """Answers batches."""

    def __init__(self) -> None:
        self.network = load_network()

    @bentoml.api(batchable=True, max_batch_size=8, max_latency_ms=60_000)  # type: ignore[untyped-decorator]  # BentoML leaves it without types
    def predict(self, images: list[Annotated[Path, ContentType("image/jpeg")]]) -> list[dict[str, Any]]:
        """Return the likeliest class of each image."""
        return classify(self.network, torch.stack([prepare(image.read_bytes()) for image in images]))
