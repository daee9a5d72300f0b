"""The options of a training's steps, and which of them go together."""

from dataclasses import asdict, dataclass

from transfer.errors import OptionError
from vision.training.schedule import Schedule
from vision.training.strategies import check_strategy, fine_tune_settings
from vision.training.training import OptimizerName
from vision.transfer_settings import TransferSettings, fixed_fields


@dataclass(frozen=True, slots=True)
class StepOptions:
    """How steps are made; None means the strategy's own."""

    learning_rate: float | None = None
    optimizer: OptimizerName | None = None
    momentum: float | None = None
    batch_size: int | None = None
    schedule: Schedule | None = None
    patience: int | None = None

    def given(self) -> str:
        """Return the options that were given, as people type them in a sentence; empty without any."""
        named = [f"--{name.replace('_', '-')}" for name, value in asdict(self).items() if value is not None]
        return " and ".join([", ".join(named[:-1]), named[-1]] if len(named) > 1 else named)


def check_steps(options: StepOptions, settings: TransferSettings) -> None:
    """Refuse options that would do nothing, before any image is read.

    Args:
        options: What was given.
        settings: Of the training, with these options.

    Raises:
        OptionError: The strategy makes no steps, or an option does not go with another.
    """
    given = options.given()
    if given and settings.strategy == "linear_probe":
        raise OptionError(
            f"Expected no {given} with --strategy linear_probe, whose head is solved without steps. Leave it "
            "out, or use --strategy partial, gradual or full."
        )
    if options.momentum is not None and _optimizer(settings) != "sgd":
        raise OptionError(
            f"Expected --momentum with --optimizer sgd alone, and this training uses {_optimizer(settings)}, "
            "which has its own. Leave --momentum out, or add --optimizer sgd."
        )
    if options.schedule is not None and "warm_up" in settings.adaptations:
        raise OptionError(
            f"Expected --schedule or --adapt warm_up, which is a schedule itself; got --schedule "
            f"{options.schedule} too. Leave one of them out."
        )


def describe_unsure(options: StepOptions, settings: TransferSettings) -> str:
    """Return a warning where these options count only if more than the head is trained, else nothing."""
    given = options.given()
    if not given or settings.strategy not in ("auto", "best") or settings.weights == "none":
        return ""
    return (
        f"--strategy {settings.strategy} may keep a head that is solved without steps, where {given} would "
        "do nothing. Name --strategy partial, gradual or full to be sure."
    )


def _optimizer(settings: TransferSettings) -> str:
    is_pretrained = settings.weights != "none"
    is_named = settings.strategy not in ("auto", "best")
    strategy = check_strategy(settings.strategy) if is_named else "full"
    return fine_tune_settings(strategy, fixed_fields(settings), is_pretrained=is_pretrained).optimizer
