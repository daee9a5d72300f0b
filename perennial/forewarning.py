"""What a person should hear before a training that takes long or may disappoint."""

from collections import Counter
from collections.abc import Sequence

from perennial.trials import BEST
from store.sample_rows import Sample
from vision.transfer_settings import TransferSettings, strategy_for

#: The largest class over the smallest, from which rare classes are likely to be neglected.
MAX_UNEVENNESS = 3.0
_WHOLE_NETWORKS = ("full", "gradual")


def forewarnings(training: Sequence[Sample], settings: TransferSettings) -> tuple[str, ...]:
    """Return warnings, one sentence or two each, with what to do about them.

    Args:
        training: Samples to learn from.
        settings: How to train; the strategy may be "best".
    """
    counts = Counter(str(sample.label) for sample in training)
    found = [_of_uneven_classes(counts, settings), _of_whole_networks(counts, settings)]
    return tuple(warning for warning in found if warning is not None)


def _of_uneven_classes(counts: Counter[str], settings: TransferSettings) -> str | None:
    [(common, most), *_, (rare, least)] = counts.most_common()
    if settings.balances_classes or most <= MAX_UNEVENNESS * least:
        return None
    return (
        f"The classes are uneven: {common!r} has {most} images to train and {rare!r} {least}. --balance "
        "weighs rare classes higher, for the price of answers in common ones."
    )


def _of_whole_networks(counts: Counter[str], settings: TransferSettings) -> str | None:
    if settings.num_members == 1:
        return None
    num, is_choice = settings.num_members, settings.strategy == BEST
    strategy = BEST if is_choice else strategy_for(settings, counts.total(), len(counts))
    if strategy not in (*_WHOLE_NETWORKS, BEST):
        return None
    return (
        f"With --strategy {strategy} the members {'may be' if is_choice else 'are'} {num} whole networks: "
        f"{num} times the training, the disk and the milliseconds of one. With partial they share all blocks "
        "but the last."
    )
