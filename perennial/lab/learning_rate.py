"""The experiment on learning rates: what too small and too large ones do to the losses."""

from dataclasses import replace

from perennial.lab.arms import Arm
from perennial.lab.courses import Course, course_of, courses_told
from perennial.lab.exercise import Exercise, Setup
from perennial.lab.findings import Chart, Findings, Table
from perennial.lab.outcomes import Measured
from perennial.lab.standard_charts import chance_loss
from perennial.lab.wording import nothing_learnt, with_spread
from vision.charts import draw_losses

RATES = (1e-4, 1e-3, 1e-2, 1e-1)


def _arms(setup: Setup) -> list[Arm]:
    return [
        Arm(f"{rate:g}", replace(setup.base, learning_rate=rate), setup.start.words, has_fresh_head=True)
        for rate in RATES
    ]


def find(measured: Measured) -> Findings:
    """Return which rates are too small and too large, judged by their losses."""
    courses = [course_of(runs) for runs in measured.runs]
    return Findings(_answer(measured, courses), _table(measured, courses), _charts(measured))


def _answer(measured: Measured, courses: list[Course]) -> tuple[str, ...]:
    return (*nothing_learnt(measured), *courses_told(courses, measured.runs[0].arm.settings.epochs or 0))


def _table(measured: Measured, courses: list[Course]) -> Table:
    columns = (
        "learning rate", "last training loss", "last validation loss", "lowest validation loss",
        "diverged", "test accuracy",
    )  # fmt: skip
    rows = [
        (
            runs.name,
            with_spread(course.last_training, unit=" nats", factor=1, digits=3),
            with_spread(course.last_validation, unit=" nats", factor=1, digits=3),
            with_spread(course.lowest_validation, unit=" nats", factor=1, digits=3),
            f"{course.num_diverged} of {len(runs.outcomes)}",
            with_spread(runs.accuracies(measured.test)),
        )
        for runs, course in zip(measured.runs, courses, strict=True)
    ]
    return Table(columns, tuple(rows))


def _charts(measured: Measured) -> tuple[Chart, ...]:
    panels = {
        f"learning rate {runs.name}": [outcome.epochs for outcome in runs.outcomes] for runs in measured.runs
    }
    return (
        Chart(
            "Losses by learning rate",
            draw_losses(panels, chance_loss(measured)),
            "One pair of lines for each seed, all panels on one scale, which ends at three times the loss of "
            "guessing: lines that leave it go on above. The training loss is the running mean of an epoch.",
        ),
    )


EXERCISE = Exercise(
    epochs=5,
    describe=(
        "The whole network is trained from the first step under a random head, by SGD with momentum 0.9 at a "
        "constant rate. Accuracies are of the epoch that was best on validation."
    ),
    arms=_arms,
    find=find,
)
