"""The table of adaptations: names, what each does, and what it goes with; nothing here loads torch."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from vision.adaptation import unfreezing

if TYPE_CHECKING:
    from vision.strategies import Strategy

AdaptationName = Literal[
    "warm_up", "unfreezing", "augmentation", "adversarial", "self_supervised", "batch_norm"
]


@dataclass(frozen=True, slots=True)
class Adaptation:
    """One way to meet another domain.

    Attributes:
        name: As in settings.
        explanation: One line.
        needs_unlabelled: Whether it learns from pictures of the target without labels.
        needs_pretrained: Whether it makes no sense without pretrained weights.
        strategies: Those that it goes with, the one that "auto" takes first; empty for any.
    """

    name: AdaptationName
    explanation: str
    needs_unlabelled: bool = False
    needs_pretrained: bool = False
    strategies: "tuple[Strategy, ...]" = ()


ADAPTATIONS: tuple[Adaptation, ...] = (
    Adaptation(
        "warm_up",
        "gradual fine-tuning of all layers: the rate starts very small and rises over much of the run",
        needs_pretrained=True,
        strategies=("full", "gradual"),
    ),
    Adaptation(
        "unfreezing",
        "layer-wise unfreezing: the head first, then the last block, then all, the early layers slowest",
        needs_pretrained=True,
        strategies=(unfreezing.STRATEGY,),
    ),
    Adaptation(
        "augmentation", "learns from variants that simulate a shift: grey, colour casts, blur and noise"
    ),
    Adaptation(
        "adversarial",
        "fine-tunes until no classifier can tell the domain from the embeddings",
        needs_unlabelled=True,
        strategies=("full", "partial", "gradual"),
    ),
    Adaptation(
        "self_supervised",
        "first learns to tell which way up the unlabelled pictures are",
        needs_unlabelled=True,
    ),
    Adaptation(
        "batch_norm",
        "moves the statistics of batch normalisation to the unlabelled pictures, without training",
        needs_unlabelled=True,
        needs_pretrained=True,
    ),
)
