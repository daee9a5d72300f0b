"""Checks that the chosen adaptations go together and have what they need, before anything is trained."""

from collections.abc import Sequence

from vision.adaptation.batch_norm import check_normalisation
from vision.adaptation.table import ADAPTATIONS, Adaptation, AdaptationName
from vision.errors import ConflictingAdaptationsError, UnknownAdaptationError, UnlabelledMissingError
from vision.network import Weights

#: Fewer pictures of the target say too little about it.
MIN_UNLABELLED = 8


def choose_adaptations(
    names: Sequence[str], *, strategy: str, backbone: str, weights: Weights, num_unlabelled: int
) -> tuple[tuple[AdaptationName, ...], str]:
    """Return the adaptations in the order of the table, each once, and the strategy that they need.

    Args:
        names: The chosen adaptations, in any order.
        strategy: "auto", which an adaptation may fill in, or a strategy's name.
        backbone: A name in the zoo.
        weights: What the training starts from.
        num_unlabelled: Number of pictures of the target domain.

    Raises:
        UnknownBackboneError: There is none of that name.
        UnknownAdaptationError: There is none of that name.
        ConflictingAdaptationsError: They don't go with each other, the strategy or the weights.
        UnlabelledMissingError: One needs pictures of the target, and there are too few.
    """
    known = [adaptation.name for adaptation in ADAPTATIONS]
    unknown = [name for name in names if name not in known]
    if unknown:
        raise UnknownAdaptationError(f"Expected adaptations among {', '.join(known)}; got {unknown[0]!r}.")
    chosen = [adaptation for adaptation in ADAPTATIONS if adaptation.name in names]
    for adaptation in chosen:
        _check(adaptation, strategy, weights, num_unlabelled)
    if "batch_norm" in names:
        check_normalisation(backbone)
    return tuple(adaptation.name for adaptation in chosen), _strategy(chosen, strategy)


def _check(adaptation: Adaptation, strategy: str, weights: Weights, num_unlabelled: int) -> None:
    if adaptation.needs_unlabelled and num_unlabelled < MIN_UNLABELLED:
        raise UnlabelledMissingError(
            f"The adaptation {adaptation.name} learns from unlabelled pictures of the target domain: "
            f"expected {MIN_UNLABELLED} or more, got {num_unlabelled}. Name their folder with --unlabelled."
        )
    if adaptation.needs_pretrained and weights == "none":
        raise ConflictingAdaptationsError(
            f"The adaptation {adaptation.name} takes care of pretrained features, and weights none has none. "
            "Leave one of them out."
        )
    if adaptation.strategies and strategy not in ("auto", *adaptation.strategies):
        raise ConflictingAdaptationsError(
            f"The adaptation {adaptation.name} goes with the strategies auto, "
            f"{', '.join(adaptation.strategies)}; got {strategy}. Leave one of them out."
        )


def _strategy(chosen: Sequence[Adaptation], strategy: str) -> str:
    """Replace "auto" by the first strategy that all of them go with; all go with `gradual`."""
    demanding = [adaptation.strategies for adaptation in chosen if adaptation.strategies]
    if strategy != "auto" or not demanding:
        return strategy
    return next(name for name in demanding[0] if all(name in others for others in demanding))
