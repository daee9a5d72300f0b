"""Torch as an engine, on the CPU and on CUDA."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import Tensor

from vision.artifact import Artifact
from vision.engines.torch_engine import GRAPH_SIZES, CudaEngine, TorchEngine

needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


def test_it_answers_what_the_classifier_answers(
    artifact: Artifact, images: Tensor, expected: tuple[Tensor, Tensor]
) -> None:
    answers = TorchEngine(artifact.build())(images)
    for answer, reference in zip(answers, expected, strict=True):
        torch.testing.assert_close(answer, reference, atol=1e-4, rtol=1e-4)


def test_the_weights_of_whom_it_took_over_stay_as_they_are(artifact: Artifact) -> None:
    before = {name: tensor.clone() for name, tensor in artifact.state.items()}
    TorchEngine(artifact.build(shares_weights=True))
    assert all(torch.equal(tensor, before[name]) for name, tensor in artifact.state.items())


def test_calls_may_overlap(artifact: Artifact, images: Tensor) -> None:
    engine = TorchEngine(artifact.build())
    alone = [engine(image.unsqueeze(0))[0] for image in images]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda image: engine(image.unsqueeze(0))[0], images))
    for answer, reference in zip(together, alone, strict=True):
        torch.testing.assert_close(answer, reference)


@pytest.fixture
def cuda_engine(artifact: Artifact) -> CudaEngine:
    return CudaEngine(artifact.build("cuda"), artifact.preprocessing.image_size)


@pytest.mark.gpu
@needs_cuda
@pytest.mark.parametrize("num", [1, 3, 16, max(GRAPH_SIZES) + 5])
def test_on_cuda_any_number_of_images_is_answered_as_on_the_cpu(
    num: int, cuda_engine: CudaEngine, artifact: Artifact, images: Tensor
) -> None:
    batch = images.repeat(5, 1, 1, 1)[:num]
    with torch.inference_mode():
        logits, embeddings = artifact.build().classify(batch)
    answers = cuda_engine(batch)
    assert answers[0].shape == logits.shape
    torch.testing.assert_close(answers[0], logits, atol=0.05, rtol=0.05)
    torch.testing.assert_close(answers[1], embeddings, atol=0.05, rtol=0.05)


@pytest.mark.gpu
@needs_cuda
def test_on_cuda_a_batch_leaves_nothing_behind_for_the_next_one(
    cuda_engine: CudaEngine, images: Tensor
) -> None:
    alone = cuda_engine(images[:1])[0].clone()
    cuda_engine(images)
    torch.testing.assert_close(cuda_engine(images[:1])[0], alone)
