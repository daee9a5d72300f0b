"""The settings of the learner."""

from dataclasses import dataclass, field

from retrain.learner.priority import Priority
from retrain.learner.triggers import TriggerSettings
from store.predictions.retention import RetentionSettings


@dataclass(frozen=True, slots=True)
class LearnerSettings:
    """What the learner does how often.

    Attributes:
        child_command: Runs one round; the round's id and `--fencing N` are appended.
        holder: Names this learner in the lease; unique to its process.
        lease_seconds: Another learner takes over this long after this one's last renewal.
        min_free_bytes: Free memory without which a round waits.
        priority: How a round ranks beside other programs, until it starves.
        crash_wait_seconds: After a first crash of a round's process; four times as long after a second.
    """

    child_command: tuple[str, ...]
    holder: str
    lease_seconds: float = 15.0
    poll_seconds: float = 0.5
    trigger_seconds: float = 5.0
    drift_seconds: float = 60.0
    upkeep_seconds: float = 3600.0
    keep_versions: int = 10
    forget_workers_seconds: float = 86_400.0
    min_free_bytes: int = 2 * 2**30
    priority: Priority = "idle"
    crash_wait_seconds: float = 30.0
    triggers: TriggerSettings = field(default_factory=TriggerSettings)
    retention: RetentionSettings = field(default_factory=RetentionSettings)
