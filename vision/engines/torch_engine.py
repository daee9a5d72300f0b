"""Runs networks by torch: on CUDA, and on a CPU if OpenVINO is missing."""

import threading

import torch
from torch import Tensor, nn

from vision.engines.engine import Answering
from vision.network import Classifier

GRAPH_SIZES = (1, 2, 4, 8, 16)
# Runs before a recording, in which libraries choose their kernels and allocate memory.
_NUM_WARM_UPS = 3


class TorchEngine:
    """Runs a classifier on a CPU, in float32."""

    name = "torch"

    def __init__(self, classifier: Classifier) -> None:
        """Take over a classifier in evaluation mode."""
        self._network = Answering(classifier).eval().to(memory_format=torch.channels_last)

    def __call__(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits (N, C) and embeddings (N, D) of images (N, 3, H, W), float32."""
        with torch.inference_mode():
            logits, embeddings = self._network(images.contiguous(memory_format=torch.channels_last))
            return logits, embeddings


class CudaEngine:
    """Runs a classifier on a GPU in half precision, with a recorded graph for each common batch size.

    Batches are filled up to the next recorded size; larger ones run without a graph. Several threads may call
    it, but one forward runs at a time.
    """

    name = "torch on CUDA"

    def __init__(self, classifier: Classifier, image_size: int) -> None:
        """Take over a classifier in evaluation mode on a CUDA device."""
        self._device = next(classifier.parameters()).device
        self._network = Answering(classifier).eval().half().to(memory_format=torch.channels_last)
        # A recorded graph reads and writes the same memory each time.
        self._lock = threading.Lock()
        self._graphs = {
            size: _Graph(self._network, (size, 3, image_size, image_size), self._device)
            for size in GRAPH_SIZES
        }

    def __call__(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits (N, C) and embeddings (N, D) of images (N, 3, H, W), float32 on the CPU."""
        size = next((size for size in GRAPH_SIZES if size >= len(images)), None)
        with self._lock, torch.inference_mode():
            if size is not None:
                return self._graphs[size](images)
            inputs = images.to(self._device, torch.half).contiguous(memory_format=torch.channels_last)
            logits, embeddings = self._network(inputs)
            return logits.float().cpu(), embeddings.float().cpu()


class _Graph:
    """One recorded forward of a fixed shape, which is replayed with a single launch."""

    def __init__(self, network: nn.Module, shape: tuple[int, int, int, int], device: torch.device) -> None:
        self._pinned = torch.zeros(shape, pin_memory=True)
        self._inputs = torch.zeros(shape, dtype=torch.half, device=device)
        self._inputs = self._inputs.contiguous(memory_format=torch.channels_last)
        self._graph = torch.cuda.CUDAGraph()
        with torch.inference_mode(), torch.cuda.device(device):
            stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]  # torch leaves it without types
            stream.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(stream):
                for _ in range(_NUM_WARM_UPS):
                    network(self._inputs)
            torch.cuda.current_stream().wait_stream(stream)
            with torch.cuda.graph(self._graph):
                self._logits, self._embeddings = network(self._inputs)

    def __call__(self, images: Tensor) -> tuple[Tensor, Tensor]:
        num = len(images)
        self._pinned[:num].copy_(images)
        self._inputs[:num].copy_(self._pinned[:num], non_blocking=True)
        self._graph.replay()
        # The copies to the CPU wait for the replay.
        return self._logits[:num].float().cpu(), self._embeddings[:num].float().cpu()
