"""CUDA: graphs of fixed sizes, filled up; answers near those of the CPU."""

import pytest
import torch
from torch import Tensor

from vision.artifact import Artifact
from vision.engines.cuda_engine import GRAPH_SIZES, CudaEngine

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]


@pytest.fixture
def engine(artifact: Artifact) -> CudaEngine:
    return CudaEngine(artifact.build("cuda"), artifact.preprocessing.image_size)


@pytest.mark.parametrize("num", [1, 3, 16, max(GRAPH_SIZES) + 5])
def test_any_number_of_images_is_answered_as_on_the_cpu(
    num: int, engine: CudaEngine, artifact: Artifact, images: Tensor
) -> None:
    batch = images.repeat(5, 1, 1, 1)[:num]
    with torch.inference_mode():
        wanted, embeddings = artifact.build().classify(batch)
    found = engine(batch)
    assert found[0].shape == wanted.shape
    torch.testing.assert_close(found[0], wanted, atol=0.05, rtol=0.05)
    torch.testing.assert_close(found[1], embeddings, atol=0.05, rtol=0.05)


def test_a_batch_leaves_nothing_behind_for_the_next_one(engine: CudaEngine, images: Tensor) -> None:
    alone = engine(images[:1])[0].clone()
    engine(images)
    torch.testing.assert_close(engine(images[:1])[0], alone)
