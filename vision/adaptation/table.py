"""The table of adaptations: what each needs and what it goes with; nothing here loads torch.

What they do stands in `docs/adaptation.md`.
"""

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
        needs_unlabelled: Whether it learns from pictures of the target without labels.
        needs_pretrained: Whether it makes no sense without pretrained weights.
        strategies: Those that it goes with, the one that "auto" takes first; empty for any.
    """

    name: AdaptationName
    needs_unlabelled: bool = False
    needs_pretrained: bool = False
    strategies: "tuple[Strategy, ...]" = ()


ADAPTATIONS: tuple[Adaptation, ...] = (
    Adaptation("warm_up", needs_pretrained=True, strategies=("full", "gradual")),
    Adaptation("unfreezing", needs_pretrained=True, strategies=(unfreezing.STRATEGY,)),
    Adaptation("augmentation"),
    Adaptation("adversarial", needs_unlabelled=True, strategies=("full", "partial", "gradual")),
    Adaptation("self_supervised", needs_unlabelled=True),
    Adaptation("batch_norm", needs_unlabelled=True, needs_pretrained=True),
)
