"""What the student learns from: EfficientNet-Lite0's answers on the very views that the student sees."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate
from torch.utils.data import IterableDataset

from benchmarks.backbone.pictures import Pictures, Views, random_views
from vision.weights.lite import pretrained_lite

# EfficientNet-Lite takes (x - 127) / 128 of pixels in 0..255.
_MEAN, _STD = 127 / 255, 128 / 255


@dataclass(frozen=True, slots=True)
class TaughtBatch:
    """One batch.

    Attributes:
        views: float32 (N, 3, size, size), in [0, 1].
        labels: int64 (N,).
        features: float32 (N, 1280), the teacher's pooled features.
        logits: float32 (N, 1000), the teacher's ImageNet logits.
    """

    views: Tensor
    labels: Tensor
    features: Tensor
    logits: Tensor


class Teacher:
    """EfficientNet-Lite0 with its ImageNet weights, in bfloat16 and channels-last: the fastest on a CPU."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._network: nn.Module = pretrained_lite().eval().to(memory_format=torch.channels_last)

    def __call__(self, views: Tensor) -> tuple[Tensor, Tensor]:
        """Return pooled features (N, 1280) and logits (N, 1000) of views in [0, 1], resized to its size."""
        network = self._network
        resized = interpolate(views, size=self._size, mode="bilinear", align_corners=False)
        inputs = ((resized - _MEAN) / _STD).contiguous(memory_format=torch.channels_last)
        with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16):
            # timm's own methods, which a Module in general hasn't.
            features = network.forward_head(network.forward_features(inputs), pre_logits=True)  # type: ignore[operator]  # timm leaves it without types
            logits = network.get_submodule("classifier")(features)
        return features.float().clone(), logits.float().clone()


class TaughtViews(IterableDataset[TaughtBatch]):
    """One epoch: every picture once, in random order and view, with the teacher's answer on that view.

    A loader's worker runs the teacher while the training process runs the student, one core each.
    """

    def __init__(self, pictures: Pictures, teacher_size: int, size: int, batch_size: int, seed: int) -> None:
        super().__init__()
        self._pictures = pictures
        self._teacher_size = teacher_size
        self._size = size
        self._batch_size = batch_size
        self._seed = seed
        self.epoch = 0

    def __len__(self) -> int:
        return len(self._pictures) // self._batch_size

    def __iter__(self) -> Iterator[TaughtBatch]:
        torch.set_num_threads(1)
        generator = torch.Generator().manual_seed(self._seed * 100_003 + self.epoch)
        teacher = Teacher(self._teacher_size)
        order = torch.randperm(len(self._pictures), generator=generator)
        for step in range(len(self)):
            rows = order[step * self._batch_size : (step + 1) * self._batch_size]
            # Made at the teacher's size, so that it sees no picture blurred by the student's.
            views = random_views(self._pictures.pixels[rows], self._teacher_size, Views(), generator)
            features, logits = teacher(views)
            small = interpolate(views, size=self._size, mode="bilinear", antialias=True, align_corners=False)
            yield TaughtBatch(small, self._pictures.labels[rows], features, logits)
