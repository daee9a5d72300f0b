"""What an ensemble is worth against one of its members, and what it costs."""

from dataclasses import dataclass
from statistics import mean

from torch import nn

from perennial.golden import Judgement
from vision.ensemble import Ensemble
from vision.timing import milliseconds_an_image
from vision.transfer import TransferResult

BATCH_SIZES = (1, 8)


@dataclass(frozen=True, slots=True)
class Pair:
    """A figure of one member, or the mean of all on their own, and that of the ensemble."""

    one: float
    ensemble: float


@dataclass(frozen=True, slots=True)
class EnsembleGain:
    """An ensemble against one member; accuracies are fractions.

    Attributes:
        num_members: How many there are.
        validation: Accuracy.
        golden: Accuracy.
        plain_validation: Accuracy of the one linear probe, not resampled, that training without an ensemble
            would have given; None for other strategies.
        plain_golden: Likewise.
        milliseconds: An image, by images a forward.
        num_parameters: How many weights and biases.
    """

    num_members: int
    validation: Pair
    golden: Pair
    plain_validation: float | None
    plain_golden: float | None
    milliseconds: dict[int, Pair]
    num_parameters: Pair

    @property
    def is_worth_it(self) -> bool:
        """Whether it is right more often than one network would be, on one of the sets at least."""
        plain = self.plain_validation, self.plain_golden
        pairs = zip((self.validation, self.golden), plain, strict=True)
        return any(pair.ensemble > (pair.one if alone is None else alone) for pair, alone in pairs)


def measure_gain(result: TransferResult, judgement: Judgement, device: str) -> EnsembleGain | None:
    """Return an ensemble's gain and cost; None for one network."""
    ensemble = result.artifact.build(device)
    if not isinstance(ensemble, Ensemble) or judgement.member_accuracy is None:
        return None
    both = [ensemble.member(0), ensemble]
    size = result.artifact.preprocessing.image_size
    return EnsembleGain(
        num_members=ensemble.num_members,
        validation=Pair(mean(result.member_accuracies), result.validation_accuracy),
        golden=Pair(judgement.member_accuracy, judgement.accuracy),
        plain_validation=None if result.plain is None else result.plain.validation_accuracy,
        plain_golden=judgement.plain_accuracy,
        milliseconds={
            batch_size: Pair(*milliseconds_an_image(both, size, batch_size, device))
            for batch_size in BATCH_SIZES
        },
        num_parameters=Pair(*(float(_num_parameters(network)) for network in both)),
    )


def _num_parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())
