"""Measures how much better an ensemble is than one of its members, and what it costs."""

from dataclasses import dataclass
from statistics import mean

from torch import nn

from transfer.golden_evaluation import GoldenEvaluation
from vision.ensemble import Ensemble
from vision.timing import milliseconds_an_image
from vision.transfer import TransferResult

BATCH_SIZES = (1, 8)


@dataclass(frozen=True, slots=True)
class Pair:
    """One figure twice: of one member (or the mean of all members), and of the ensemble."""

    one: float
    ensemble: float


@dataclass(frozen=True, slots=True)
class EnsembleGain:
    """An ensemble against one member; accuracies are fractions.

    Attributes:
        num_members: Number of members.
        validation: Accuracy on validation images.
        golden: Accuracy on golden images.
        plain_validation: Accuracy on validation images of the linear probe that training without an ensemble
            gives; None for other strategies.
        plain_golden: Its accuracy on golden images.
        milliseconds: Time of one image, by the number of images in a forward.
        num_parameters: Number of weights and biases.
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
        """Whether it is more accurate than one network on at least one of the two sets."""
        plain = self.plain_validation, self.plain_golden
        pairs = zip((self.validation, self.golden), plain, strict=True)
        return any(pair.ensemble > (pair.one if single is None else single) for pair, single in pairs)


def measure_gain(result: TransferResult, evaluation: GoldenEvaluation, device: str) -> EnsembleGain | None:
    """Return the gain and the cost of an ensemble, or None for one network."""
    ensemble = result.artifact.build(device)
    if not isinstance(ensemble, Ensemble) or evaluation.member_accuracy is None:
        return None
    both = [ensemble.member(0), ensemble]
    size = result.artifact.preprocessing.image_size
    return EnsembleGain(
        num_members=ensemble.num_members,
        validation=Pair(mean(result.member_accuracies), result.validation_accuracy),
        golden=Pair(evaluation.member_accuracy, evaluation.accuracy),
        plain_validation=None if result.plain is None else result.plain.validation_accuracy,
        plain_golden=evaluation.plain_accuracy,
        milliseconds={
            batch_size: Pair(*milliseconds_an_image(both, size, batch_size, device))
            for batch_size in BATCH_SIZES
        },
        num_parameters=Pair(*(float(_num_parameters(network)) for network in both)),
    )


def _num_parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())
