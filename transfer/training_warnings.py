"""Warns before a training that will take long or may disappoint."""

from collections import Counter
from collections.abc import Sequence

from store.samples.sample import Sample
from transfer.training_runs import BEST
from vision.transfer_settings import TransferSettings, strategy_for

#: The largest class over the smallest; above this, rare classes are likely to be neglected.
MAX_UNEVENNESS = 3.0
_WITHOUT_SHARED_BLOCKS = ("full", "gradual")


def warnings_before(training: Sequence[Sample], settings: TransferSettings) -> tuple[str, ...]:
    """Return warnings of one or two sentences, each with what to do about it.

    Args:
        training: Samples to learn from.
        settings: How to train; the strategy may be "best".
    """
    counts = Counter(str(sample.label) for sample in training)
    warnings = [_uneven_classes(counts, settings), _large_ensemble(counts, settings)]
    return tuple(warning for warning in warnings if warning is not None)


def _uneven_classes(counts: Counter[str], settings: TransferSettings) -> str | None:
    [(common, most), *_, (rare, least)] = counts.most_common()
    if settings.balances_classes or most <= MAX_UNEVENNESS * least:
        return None
    return (
        f"The classes are uneven: {common!r} has {most} images to train and {rare!r} has {least}. --balance "
        "weighs rare classes higher, which costs some accuracy on common ones."
    )


def _large_ensemble(counts: Counter[str], settings: TransferSettings) -> str | None:
    if settings.num_members == 1:
        return None
    num, is_choice = settings.num_members, settings.strategy == BEST
    strategy = BEST if is_choice else strategy_for(settings, counts.total(), len(counts))
    if strategy not in (*_WITHOUT_SHARED_BLOCKS, BEST):
        return None
    return (
        f"With --strategy {strategy} the ensemble {'may be' if is_choice else 'is'} {num} whole networks, "
        f"which cost {num} times the training, disk and time of one. With --strategy partial they share all "
        "blocks but the last."
    )
