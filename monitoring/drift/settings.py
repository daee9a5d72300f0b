"""How sure an alarm is, and what it is looked for with."""

from dataclasses import dataclass

#: Rows that are added up together: each window and each stride is a multiple of it.
BLOCK = 10


@dataclass(frozen=True, slots=True)
class Window:
    """The last `size` rows, looked at each `stride` rows."""

    size: int
    stride: int


#: A short one sees a large change soon, a long one a small change at all.
WINDOWS = (Window(50, 10), Window(200, 20), Window(800, 50))
LONGEST = max(window.size for window in WINDOWS)


@dataclass(frozen=True, slots=True)
class AlarmSettings:
    """When there is an alarm.

    Attributes:
        declared_images: The mean number of distinct images between two false alarms, over all detectors
            together.
        num_paths: Streams without drift that are simulated to find thresholds. Time grows with them:
            500 take some seconds for 2,000 rows of reference.
        num_dimensions: To which embeddings are reduced.
        num_frequencies: Of the kernel's approximation; there are twice as many features.
    """

    declared_images: int = 100_000
    num_paths: int = 500
    num_dimensions: int = 32
    num_frequencies: int = 128
