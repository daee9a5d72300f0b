"""Diagnoses a training run by its errors."""

from typing import Literal

Diagnosis = Literal["underfitting", "overfitting", "good fit"]

# From here on an error is called high: one image in five.
HIGH_ERROR = 0.20
# From here on the validation error counts as high beside the training error, even if it is low in itself.
HIGH_GAP = 0.10
# A training error below this share of the validation error counts as low, even if it is high in itself.
LOW_SHARE = 0.5

ADVICE: dict[Diagnosis, str] = {
    "underfitting": "train longer, take a larger backbone, unfreeze more, or augment less",
    "overfitting": "add images, augment more, unfreeze less, or stop earlier",
    "good fit": "the training needs no change",
}


def diagnose(training_error: float, validation_error: float) -> Diagnosis:
    """Return the diagnosis of a run from its two errors at the kept epoch.

    Both high: underfitting. Training low, validation high, in itself or beside training: overfitting. Both
    low, or validation alone, where augmentation and dropout raise the training error: a good fit.

    Args:
        training_error: Share of training images classified wrongly, in [0, 1].
        validation_error: Share of validation images classified wrongly, in [0, 1].
    """
    is_training_low = training_error < HIGH_ERROR or training_error < LOW_SHARE * validation_error
    if is_training_low and validation_error - training_error >= HIGH_GAP:
        return "overfitting"
    if validation_error < HIGH_ERROR:
        return "good fit"
    return "overfitting" if is_training_low else "underfitting"
