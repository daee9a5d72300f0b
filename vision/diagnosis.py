"""What a training run's errors say about it."""

from typing import Literal

Diagnosis = Literal["underfitting", "overfitting", "good fit"]

# An error from here on is called high: one image in five.
HIGH_ERROR = 0.20
# A training error under this share of the validation error is low beside it, however high it is in itself.
LOW_SHARE = 0.5

ADVICE: dict[Diagnosis, str] = {
    "underfitting": "train longer, take a larger backbone, unfreeze more, or augment less",
    "overfitting": "add images, augment more, unfreeze less, or stop earlier",
    "good fit": "ready to serve",
}


def diagnose(training_error: float, validation_error: float) -> Diagnosis:
    """Return the diagnosis of a run from its two errors at the kept epoch.

    Both high: underfitting. Training low, validation high: overfitting. Validation low: a good fit, whatever
    the training error, which augmentation and dropout raise.

    Args:
        training_error: Share of training images classified wrongly, in [0, 1].
        validation_error: Share of validation images classified wrongly, in [0, 1].
    """
    if validation_error < HIGH_ERROR:
        return "good fit"
    is_training_low = training_error < HIGH_ERROR or training_error < LOW_SHARE * validation_error
    return "overfitting" if is_training_low else "underfitting"
