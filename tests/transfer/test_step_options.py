from dataclasses import asdict, replace
from typing import Any

import pytest

from transfer.errors import OptionError
from transfer.step_options import StepOptions, check_steps, describe_unsure
from vision.training.strategies import FINE_TUNE, FROM_SCRATCH, fine_tune_settings
from vision.transfer_settings import TransferSettings, fixed_fields

SETTINGS = TransferSettings(weights="bundled", strategy="partial")


def settings_with(options: StepOptions, **given: Any) -> TransferSettings:
    return replace(SETTINGS, **asdict(options), **given)


def test_what_is_given_replaces_the_strategys_own_and_nothing_else() -> None:
    options = StepOptions(0.01, "adam", None, 8, "cosine", 2)
    tuned = fine_tune_settings("partial", fixed_fields(settings_with(options)), is_pretrained=True)
    given = {name: value for name, value in asdict(options).items() if value is not None}
    assert tuned == replace(FINE_TUNE, **given)
    unchanged = fine_tune_settings("full", fixed_fields(TransferSettings()), is_pretrained=False)
    assert unchanged == FROM_SCRATCH


@pytest.mark.parametrize(
    ("options", "given", "sentence"),
    [
        (StepOptions(optimizer="adamw", momentum=0.9), {}, "uses adamw, which has its own"),
        (StepOptions(momentum=0.9), {"weights": "none", "strategy": "auto"}, "uses adamw"),
        (StepOptions(patience=2), {"strategy": "linear_probe"}, "no --patience with --strategy linear_probe"),
        (StepOptions(schedule="step"), {"adaptations": ("warm_up",)}, "which is a schedule itself"),
    ],
)
def test_what_would_do_nothing_is_refused(options: StepOptions, given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(OptionError, match=sentence):
        check_steps(options, settings_with(options, **given))


@pytest.mark.parametrize("options", [StepOptions(momentum=0.5), StepOptions(optimizer="sgd", momentum=0.0)])
def test_momentum_goes_with_sgd_which_is_the_default_in_fine_tuning(options: StepOptions) -> None:
    check_steps(options, settings_with(options))


def test_a_strategy_that_may_make_no_steps_is_warned_of() -> None:
    options = StepOptions(learning_rate=0.01)
    assert "--learning-rate would do nothing" in describe_unsure(
        options, settings_with(options, strategy="auto")
    )
    assert describe_unsure(options, settings_with(options)) == ""
    assert describe_unsure(StepOptions(), replace(SETTINGS, strategy="auto")) == ""
