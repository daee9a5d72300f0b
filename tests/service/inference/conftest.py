"""What tests of batches share: loaded models, and batchers over them."""

from typing import Any

import pytest

from service.inference.batching import Batcher, BatchHooks
from service.inference.images import preparer
from service.inference.predictor import LiveModel, Predictor, load_model
from service.settings import BatchSettings
from tests.service.inference.gated_predictor import MakeBatcher
from vision.artifact import Artifact, to_files
from vision.decoding import ImageLimits
from vision.engines.choice import EngineSettings


@pytest.fixture(scope="module")
def models(artifacts: list[Artifact]) -> list[LiveModel]:
    return [
        load_model(f"v{number}", to_files(artifact), EngineSettings(kind="torch"))
        for number, artifact in enumerate(artifacts, 1)
    ]


@pytest.fixture
def make_batcher() -> MakeBatcher:
    def batcher(predictor: Predictor, hooks: BatchHooks | None = None, **settings: Any) -> Batcher:
        hooks = hooks or BatchHooks(lambda size: None, lambda: None)
        return Batcher(predictor, preparer(ImageLimits()), BatchSettings(**settings), hooks)

    return batcher
