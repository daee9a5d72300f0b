"""The settings of alarms."""

from dataclasses import dataclass, field
from datetime import timedelta

from monitoring.drift.error_rate import ErrorSettings
from monitoring.drift.settings import AlarmSettings
from vision.decoding import ImageLimits


@dataclass(frozen=True, slots=True)
class AlarmJobSettings:
    """What alarms are raised from.

    Attributes:
        detection: How sure an alarm about images is.
        errors: How sure an alarm about wrong answers is.
        num_usual_draws: So many labelled draws tell how many wrong answers are usual. From 10 % a doubled
            rate is noticed after some 1,300 further ones with 100, after 310 with 200, after 190 with 500.
        min_normal: Distinct images without which nothing is compared.
        max_normal: So many are enough to tell what is normal; with `min_normal` it is told after
            `collecting`.
        collecting: See `max_normal`; by then a slow stream has shown its day and its night.
        num_last: The last images that are kept to be compared.
        max_images: Predictions of the log that one look reads, since each new image is decoded.
        max_lag: So far looks may fall behind the log; then what is in between is passed over.
        num_quiet: After so many images that give no signal they look as before, and alarms about them end.
        num_told_again: So many images after it was raised an alarm is told once more. At once 84 % of the
            images that it shows are of what moved, then 96 % (docs/measurements/drift.md).
        num_described: Images of each side whose looks are described in words.
        limits: What one image may cost.
    """

    detection: AlarmSettings = field(default_factory=AlarmSettings)
    errors: ErrorSettings = field(default_factory=ErrorSettings)
    num_usual_draws: int = 200
    min_normal: int = 1000
    max_normal: int = 2000
    collecting: timedelta = timedelta(days=1)
    num_last: int = 800
    max_images: int = 200
    max_lag: timedelta = timedelta(minutes=10)
    num_quiet: int = 1600
    num_told_again: int = 200
    num_described: int = 100
    limits: ImageLimits = field(default_factory=ImageLimits)
