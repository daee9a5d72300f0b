"""The fitted temperature equals a known one."""

import numpy as np
import pytest
import torch

from vision.calibration import fit_temperature
from vision.errors import TooFewSamplesError


@pytest.mark.parametrize("true_temperature", [0.5, 1.0, 3.0])
def test_the_temperature_that_made_the_labels_is_recovered(true_temperature: float) -> None:
    # 4,000 labels drawn from softmax(logits / T): the estimate's standard error is about 3 %.
    rng = np.random.default_rng(0)
    logits = torch.from_numpy(rng.normal(0, 3, (4000, 5)))
    chances = torch.softmax(logits / true_temperature, dim=1).numpy()
    labels = torch.tensor([rng.choice(5, p=row / row.sum()) for row in chances])
    assert fit_temperature(logits, labels) == pytest.approx(true_temperature, rel=0.12)


def test_a_small_set_without_an_error_does_not_ask_for_certainty() -> None:
    logits = torch.tensor([[2.0, 0.0], [0.0, 2.0]] * 10)
    labels = torch.tensor([0, 1] * 10)
    assert 0.2 < fit_temperature(logits, labels) < 1.0


def test_a_temperature_keeps_the_answers() -> None:
    logits = torch.randn(50, 4)
    temperature = fit_temperature(logits, torch.randint(0, 4, (50,)))
    assert 0.1 <= temperature <= 10
    assert torch.equal((logits / temperature).argmax(1), logits.argmax(1))


def test_no_logits_have_no_temperature() -> None:
    with pytest.raises(TooFewSamplesError):
        fit_temperature(torch.zeros(0, 2), torch.zeros(0, dtype=torch.int64))
