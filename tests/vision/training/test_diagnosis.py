import pytest

from vision.training.diagnosis import ADVICE, Diagnosis, diagnose


@pytest.mark.parametrize(
    ("training_error", "validation_error", "expected"),
    [
        (0.50, 0.55, "underfitting"),
        (0.02, 0.40, "overfitting"),
        (0.02, 0.05, "good fit"),
        # Low errors both, and yet images that were learnt are answered far better.
        (0.0, 0.19, "overfitting"),
        (0.05, 0.14, "good fit"),
        # Augmentation makes training harder than validation.
        (0.30, 0.10, "good fit"),
        # The training error is high in itself, yet low beside the validation error.
        (0.25, 0.60, "overfitting"),
        (0.20, 0.20, "underfitting"),
        (0.199, 0.20, "overfitting"),
        (0.15, 0.199, "good fit"),
        (1.0, 1.0, "underfitting"),
    ],
)
def test_the_two_errors_decide(training_error: float, validation_error: float, expected: Diagnosis) -> None:
    assert diagnose(training_error, validation_error) == expected


def test_every_diagnosis_comes_with_advice() -> None:
    assert set(ADVICE) == {"underfitting", "overfitting", "good fit"}
