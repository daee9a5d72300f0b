"""The table of adaptations: what each one needs and goes with; nothing here loads torch.

`docs/how-to/adapt-to-another-domain.md` says what they do.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from vision.training.strategies import Strategy

AdaptationName = Literal[
    "warm_up", "unfreezing", "augmentation", "adversarial", "self_supervised", "batch_norm"
]

#: Those that a round can use; neither needs labels of what production has seen.
RoundAdaptation = Literal["augmentation", "batch_norm"]


@dataclass(frozen=True, slots=True)
class Adaptation:
    """One way to meet another domain.

    Attributes:
        name: As in settings.
        needs_unlabelled: Whether it learns from pictures of the target without labels.
        needs_pretrained: Whether it makes no sense without pretrained weights.
        strategies: Those that it goes with, first the one that "auto" chooses; empty for any.
    """

    name: AdaptationName
    needs_unlabelled: bool = False
    needs_pretrained: bool = False
    strategies: "tuple[Strategy, ...]" = ()


ADAPTATIONS: tuple[Adaptation, ...] = (
    Adaptation("warm_up", needs_pretrained=True, strategies=("full", "gradual")),
    # The later layers adapt first, the early ones last and least: that is the strategy `gradual` (Howard and
    # Ruder, "Universal Language Model Fine-tuning for Text Classification", ACL 2018, parts 3.2 and 3.3).
    Adaptation("unfreezing", needs_pretrained=True, strategies=("gradual",)),
    Adaptation("augmentation"),
    Adaptation("adversarial", needs_unlabelled=True, strategies=("full", "partial", "gradual")),
    Adaptation("self_supervised", needs_unlabelled=True),
    Adaptation("batch_norm", needs_unlabelled=True, needs_pretrained=True),
)
