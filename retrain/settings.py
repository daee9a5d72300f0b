"""The settings of rounds and their training."""

from dataclasses import dataclass, field
from typing import Literal

from retrain.evidence.new_samples import MIN_DIRECT
from retrain.gate.settings import GateSettings
from vision.adaptation.table import RoundAdaptation
from vision.decoding import ImageLimits
from vision.engines.kind import EngineKind, Precision, PrecisionKind

#: Which candidates a round makes.
Candidates = Literal["auto", "head", "full"]


@dataclass(frozen=True, slots=True)
class FineTuneSettings:
    """How a candidate is trained from the champion.

    Attributes:
        epochs: Passes over new and replayed samples; few, so that fine-tuning forgets little.
        learning_rate: The peak of a cosine, low as is usual for fine-tuning; AdamW learns at it, plain SGD
            hardly does.
        augmentation: Of training images; "gentle" mirrors nothing, since we don't know what they show.
        replay_ratio: Replayed old samples per new one; 0 turns replay and distillation off.
        distillation_weight: Of the squared distance to the champion's logits on replayed images; 0 is off.
        num_threads: Threads that torch may use, so that serving keeps its cores.
        seed: Of the draw, the order and the augmentation, together with the round's number.
        precision: What the networks compute in while they train.
    """

    epochs: int = 6
    learning_rate: float = 1e-4
    optimizer: Literal["sgd", "adamw"] = "adamw"
    weight_decay: float = 1e-2
    batch_size: int = 32
    augmentation: Literal["none", "gentle", "basic", "strong"] = "gentle"
    replay_ratio: float = 1.0
    distillation_weight: float = 1.0
    num_threads: int = 1
    seed: int = 0
    precision: Precision = "float32"


@dataclass(frozen=True, slots=True)
class RoundSettings:
    """What a round may do.

    Attributes:
        promote: "auto" moves production when the gate passes; "ask" leaves that to a person.
        blends: The candidate's shares that are tried on validation, in (0, 1].
        candidates: "auto" solves the head first and trains all layers where that is not surely enough. "head"
            and "full" make the one candidate only.
        head_memory: Old samples that the head is solved on, beside the new ones, at most.
        max_agreement: Logged predictions on which a champion without a golden set is judged, at most.
        min_direct: Held-out images of trusted keys that are evidence without having been predicted.
        device: Where torch computes: "cpu", "cuda", or "auto", which is CUDA where there is one.
        device_memory: Share of a CUDA device's memory that the round may use, in (0, 1]; past that the round
            crashes, not serving.
        limits: What one image may cost; as in serving.
        adaptations: "augmentation" learns from variants that simulate a shift; "batch_norm" first moves the
            champion's statistics to the newest predictions' images.
        max_adapted: Images of the prediction log that the statistics are estimated on, at most.
        engine: What serves, and answers in a round.
        precision: "auto" judges candidates as they will be served: in int8 or bfloat16 where accuracy allows.
    """

    gate: GateSettings = field(default_factory=GateSettings)
    fine_tune: FineTuneSettings = field(default_factory=FineTuneSettings)
    promote: Literal["auto", "ask"] = "auto"
    blends: tuple[float, ...] = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1)
    candidates: Candidates = "auto"
    head_memory: int = 2000
    max_agreement: int = 2000
    min_direct: int = MIN_DIRECT
    device: str = "cpu"
    device_memory: float = 0.5
    limits: ImageLimits = field(default_factory=ImageLimits)
    adaptations: tuple[RoundAdaptation, ...] = ()
    max_adapted: int = 512
    engine: EngineKind = "auto"
    precision: PrecisionKind = "auto"
