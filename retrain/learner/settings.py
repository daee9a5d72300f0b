"""The settings of the learner."""

import sys
from dataclasses import dataclass, field
from typing import Literal

from monitoring.drift.measurement import LOOK_SECONDS
from monitoring.webhook.delivery import WebhookSettings
from retrain.alarms.settings import AlarmJobSettings
from retrain.gate.settings import GateSettings
from retrain.learner.priority import Priority
from retrain.learner.triggers import TriggerSettings
from store.predictions.retention import RetentionSettings


@dataclass(frozen=True, slots=True)
class LearnerSettings:
    """What the learner does how often.

    Attributes:
        child_command: Runs one round; the round's id, `--fencing N` and `--priority P` are appended.
        watch_command: Has the predecessor answer for a watch; the watch's id and the same are appended.
        holder: Names this learner in the lease; unique to its process.
        lease_seconds: Another learner takes over this long after this one's last renewal.
        min_free_bytes: Free memory without which a round waits.
        priority: How a round ranks beside other programs, until it starves.
        crash_wait_seconds: After a first crash of a child; four times as long after a second.
        trial_seconds: Between two looks at the labels that a round waits for.
        gate: How strict the gate is, for rounds that wait for labels.
        promote: Whether a candidate that passes is promoted at once, or waits for a person.
        new_classes: Whether labels that are due wait for a person, or are accepted as classes at once.
        watch_seconds: Between two looks at the watch in force.
        watch_wait_seconds: How long an image waits, at most, before the predecessor is started for it.
        webhook: Where messages go; None for nowhere.
        alarm_seconds: Between two looks at whether production is asked what is normal.
        alarms: What alarms are raised from.
    """

    child_command: tuple[str, ...]
    holder: str
    watch_command: tuple[str, ...] = (sys.executable, "-m", "perennial", "run-watch")
    lease_seconds: float = 15.0
    poll_seconds: float = 0.5
    trigger_seconds: float = 5.0
    trial_seconds: float = 2.0
    gate: GateSettings = field(default_factory=GateSettings)
    promote: Literal["auto", "ask"] = "auto"
    new_classes: Literal["ask", "auto"] = "ask"
    drift_seconds: float = LOOK_SECONDS
    upkeep_seconds: float = 3600.0
    keep_versions: int = 10
    forget_workers_seconds: float = 86_400.0
    min_free_bytes: int = 2 * 2**30
    priority: Priority = "idle"
    crash_wait_seconds: float = 30.0
    watch_seconds: float = 5.0
    watch_wait_seconds: float = 300.0
    alarm_seconds: float = 10.0
    alarms: AlarmJobSettings = field(default_factory=AlarmJobSettings)
    triggers: TriggerSettings = field(default_factory=TriggerSettings)
    retention: RetentionSettings = field(default_factory=RetentionSettings)
    webhook: WebhookSettings | None = None
