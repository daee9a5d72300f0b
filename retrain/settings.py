"""The settings of rounds, their training and the learner."""

from dataclasses import dataclass, field
from typing import Literal

from retrain.gate_settings import GateSettings
from retrain.triggers import TriggerSettings
from store.predictions import RetentionSettings
from vision.decoding import ImageLimits
from vision.engines.kind import EngineKind, Precision, PrecisionKind


@dataclass(frozen=True, slots=True)
class FineTuneSettings:
    """How a candidate is trained from the champion.

    Attributes:
        epochs: Passes over new and replayed samples; the chapter's range is 2 to 3.
        learning_rate: The chapter's 1e-4, the peak of a cosine; plain SGD hardly moves at it, AdamW does.
        augmentation: Of training images; "gentle" mirrors nothing, since we don't know what they show.
        replay_ratio: Replayed old samples per new one; 0 turns replay and distillation off.
        distillation_weight: Of the squared distance to the champion's logits on replayed images; 0 is off.
        num_threads: Threads that torch may use, so that serving keeps its cores.
        seed: Of the draw, the order and the augmentation, together with the round's number.
        precision: What batches go through the networks in.
    """

    epochs: int = 3
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


#: Adaptations that a round can use: both learn from what production has seen, without labels of its own.
RoundAdaptation = Literal["augmentation", "batch_norm"]


@dataclass(frozen=True, slots=True)
class RoundSettings:
    """What a round may do.

    Attributes:
        promote: "auto" moves production when the gate passes; "ask" leaves that to a person.
        blends: The candidate's shares that interpolation tries on validation, in (0, 1).
        blend_caution: Negative flips on validation that a blend may have, as a share of the gate's limit.
        max_agreement: Logged predictions on which a champion without a golden set is judged, at most.
        min_audits: Audited samples from which live accuracy is counted instead of read off confidences.
        device: Where torch computes: "cpu", "cuda", or "auto", which takes CUDA where there is one.
        device_memory: Share of a CUDA device's memory that the round may take, in (0, 1]; past that it
            crashes, and serving doesn't.
        limits: What one image may cost, as for those who accepted it.
        adaptations: "augmentation" learns from variants that simulate a shift; "batch_norm" first moves the
            champion's statistics to the newest predictions' images.
        max_adapted: Images of the prediction log whose statistics are taken, at most.
        engine: What serves, and answers in a round.
        precision: "auto" judges candidates in int8 or bfloat16, as they will be served, where they bear it.
    """

    gate: GateSettings = field(default_factory=GateSettings)
    fine_tune: FineTuneSettings = field(default_factory=FineTuneSettings)
    promote: Literal["auto", "ask"] = "auto"
    blends: tuple[float, ...] = (0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1)
    blend_caution: float = 0.8
    max_agreement: int = 2000
    min_audits: int = 30
    device: str = "cpu"
    device_memory: float = 0.5
    limits: ImageLimits = field(default_factory=ImageLimits)
    adaptations: tuple[RoundAdaptation, ...] = ()
    max_adapted: int = 512
    engine: EngineKind = "auto"
    precision: PrecisionKind = "auto"


@dataclass(frozen=True, slots=True)
class LearnerSettings:
    """How the learner keeps time.

    Attributes:
        child_command: Runs one round; the round's id and `--fencing N` are appended.
        holder: Names this learner in the lease; unique to its process.
        lease_seconds: Another learner takes over this long after this one was heard of last.
        min_free_bytes: Free memory without which a round waits.
    """

    child_command: tuple[str, ...]
    holder: str
    lease_seconds: float = 15.0
    poll_seconds: float = 1.0
    trigger_seconds: float = 5.0
    drift_seconds: float = 60.0
    upkeep_seconds: float = 3600.0
    keep_versions: int = 10
    forget_workers_seconds: float = 86_400.0
    min_free_bytes: int = 2 * 2**30
    triggers: TriggerSettings = field(default_factory=TriggerSettings)
    retention: RetentionSettings = field(default_factory=RetentionSettings)
