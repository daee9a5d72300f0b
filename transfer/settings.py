"""The settings of trainings on this machine."""

from dataclasses import dataclass
from pathlib import Path

from store.samples.splits import SplitSettings
from vision.decoding import ImageLimits
from vision.engines.kind import EngineKind, PrecisionKind


@dataclass(frozen=True, slots=True)
class TrainSettings:
    """Settings that all trainings share.

    Attributes:
        curves_folder: Where a training's curves are written.
        limits: What one image may cost.
        split: How new samples are split, and how near two pictures of one thing are.
        device: Where torch computes: "cpu", "cuda", or "auto".
        engine: What runs networks on the CPU.
        precision: What versions are served in.
        num_threads: Threads of torch where a training runs beside serving.
        starter_download_seconds: How long a first start waits for the server that weights come from.
    """

    curves_folder: Path
    limits: ImageLimits
    split: SplitSettings
    device: str
    engine: EngineKind
    precision: PrecisionKind
    num_threads: int
    starter_download_seconds: float
