"""How losses went over a training, and what that says about the learning rate."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from perennial.lab.outcomes import ArmRuns
from perennial.lab.seeds import interval_of, mean_of
from perennial.lab.wording import listed
from vision.training import Epoch

# A last loss this much over the lowest has risen, and a fall by this share in the last epoch goes on.
RISE = 1.1
FALL = 0.05
_SMALLEST_LOSS = 1e-6


@dataclass(frozen=True, slots=True)
class Course:
    """The losses of one learning rate, in nats, one entry for each training whose losses are all numbers.

    Attributes:
        rate: As people write it.
        num_trainings: All of them.
        seeds: Of the trainings that are in the lists.
        last_training: At the end.
        last_validation: At the end.
        lowest_validation: Of any epoch.
        last_fall: Share by which the training loss fell in the last epoch; empty after one epoch.
    """

    rate: str
    num_trainings: int
    seeds: tuple[int, ...]
    last_training: tuple[float, ...]
    last_validation: tuple[float, ...]
    lowest_validation: tuple[float, ...]
    last_fall: tuple[float, ...]

    @property
    def num_diverged(self) -> int:
        """Trainings whose loss became infinite or undefined."""
        return self.num_trainings - len(self.seeds)


def course_of(runs: ArmRuns) -> Course:
    """Return how the losses of a learning rate went."""
    sound = [outcome for outcome in runs.finished if _is_sound(outcome.epochs[-1].validation_loss)]
    curves = [outcome.epochs for outcome in sound]
    return Course(
        rate=runs.name,
        num_trainings=len(runs.outcomes),
        seeds=tuple(outcome.seed for outcome in sound),
        last_training=tuple(curve[-1].training_loss for curve in curves),
        last_validation=tuple(curve[-1].validation_loss for curve in curves),
        lowest_validation=tuple(
            min(epoch.validation_loss for epoch in curve if _is_sound(epoch.validation_loss))
            for curve in curves
        ),
        last_fall=tuple(last_fall_of(curve) for curve in curves if len(curve) > 1),
    )


def last_fall_of(curve: Sequence[Epoch]) -> float:
    """Return the share by which the training loss fell in the last of two epochs or more."""
    return 1 - curve[-1].training_loss / max(curve[-2].training_loss, _SMALLEST_LOSS)


def courses_told(courses: Sequence[Course], num_epochs: int) -> tuple[str, ...]:
    """Return what each rate did, beside the one with the lowest validation loss at the end.

    Args:
        courses: From the smallest rate to the largest.
        num_epochs: Of every training.
    """
    sound = [course for course in courses if course.num_diverged == 0]
    if not sound:
        return (f"The loss became infinite or undefined at every rate: {_diverged(courses)}.",)
    best = min(sound, key=lambda course: mean_of(course.last_validation))
    place = courses.index(best)
    return (
        f"After {num_epochs} epochs the validation loss is lowest at a rate of {best.rate}: "
        f"{mean_of(best.last_validation):.3f} nats on average.",
        *(_smaller_told(course, best, num_epochs) for course in courses[:place]),
        *(_larger_told(course, best) for course in courses[place + 1 :]),
        *_at_the_end(place, len(courses)),
    )


def _smaller_told(course: Course, best: Course, num_epochs: int) -> str:
    if course.num_diverged:
        return f"{course.rate} is unstable here: {_diverged([course])}."
    if not _is_clearly_above(course, best):
        return f"{course.rate} {_not_clear(course, best, 'small')}"
    fall = mean_of(course.last_fall)
    told = f"{course.rate} is too small: {_ended(course, best)}"
    if fall > FALL:
        return (
            f"{told}, while its training loss still fell by {100 * fall:.0f} % in the last epoch: "
            f"{num_epochs} epochs are too few at that rate."
        )
    return f"{told}, and its training loss hardly moves ({100 * fall:.0f} % less in the last epoch)."


def _larger_told(course: Course, best: Course) -> str:
    if course.num_diverged:
        return f"{course.rate} is too large: {_diverged([course])}."
    if not _is_clearly_above(course, best):
        return f"{course.rate} {_not_clear(course, best, 'large')}"
    told = f"{course.rate} is too large: {_ended(course, best)}"
    last, lowest = mean_of(course.last_validation), mean_of(course.lowest_validation)
    if last > RISE * lowest:
        return f"{told}, after it had been as low as {lowest:.3f}: it rises again or jumps about."
    return f"{told}, the lowest that it ever was: its steps are too long to get lower."


def _is_clearly_above(course: Course, best: Course) -> bool:
    # Ratios of losses, since a loss of 2 spreads more than one of 0.1.
    logs = [
        math.log(max(loss, _SMALLEST_LOSS) / max(other, _SMALLEST_LOSS))
        for loss, other in _pairs(course, best)
    ]
    found = interval_of(logs)
    return found is not None and found.low > 0


def _pairs(course: Course, best: Course) -> list[tuple[float, float]]:
    others = dict(zip(best.seeds, best.last_validation, strict=True))
    own = zip(course.seeds, course.last_validation, strict=True)
    return [(loss, others[seed]) for seed, loss in own if seed in others]


def _ended(course: Course, best: Course) -> str:
    return (
        f"its validation loss ended at {mean_of(course.last_validation):.3f} nats, clearly above "
        f"{mean_of(best.last_validation):.3f}"
    )


def _not_clear(course: Course, best: Course, what: str) -> str:
    ended = f"its validation loss ended at {mean_of(course.last_validation):.3f} nats"
    if len(_pairs(course, best)) < 2:
        return (
            f"may be too {what}: {ended}, but one training of each can't tell whether that is more than luck."
        )
    return f"is not clearly too {what}: {ended}, which is within the spread of that at {best.rate}."


def _diverged(courses: Sequence[Course]) -> str:
    counts = [f"{course.num_diverged} of {course.num_trainings} trainings" for course in courses]
    if len(courses) == 1:
        return f"the loss became infinite or undefined in {counts[0]}"
    return listed([f"{count} at {course.rate}" for count, course in zip(counts, courses, strict=True)])


def _at_the_end(place: int, num_rates: int) -> tuple[str, ...]:
    if place == 0:
        return ("That is the smallest rate that was tried: a smaller one may be better still.",)
    if place == num_rates - 1:
        return ("That is the largest rate that was tried: a larger one may be better still.",)
    return ()


def _is_sound(loss: float) -> bool:
    return math.isfinite(loss)
