"""Warns before a training that will take long or may disappoint."""

from collections import Counter
from collections.abc import Sequence

from store.samples.sample import Sample
from transfer.importing import Imported
from transfer.training_runs import possible_strategies
from vision.transfer_settings import TransferSettings

#: The largest class over the smallest; above this, rare classes are likely to be neglected.
MAX_UNEVENNESS = 3.0
_NUM_NAMED = 5
_WITHOUT_SHARED_BLOCKS = ("full", "gradual")


def warnings_before(training: Sequence[Sample], settings: TransferSettings) -> tuple[str, ...]:
    """Return warnings of one or two sentences, each with what to do about it.

    Args:
        training: Samples to learn from.
        settings: How to train; the strategy may be "auto" or "best".
    """
    counts = Counter(str(sample.label) for sample in training)
    warnings = [_uneven_classes(counts, settings), _large_ensemble(counts, settings)]
    return tuple(warning for warning in warnings if warning is not None)


def missing_classes(imported: Imported, class_names: Sequence[str]) -> tuple[str, ...]:
    """Return a warning for each part to choose or judge on that lacks classes, with their names."""
    golden, validation = (
        sorted(set(class_names) - {sample.label for sample in part})
        for part in (imported.golden, imported.validation)
    )
    warnings = list[str]()
    if golden:
        warnings.append(
            f"No golden image shows {_listed(golden)}, so nothing tells whether a version is right about it. "
            "Add images of it to the part that is judged on (val or test), and train again."
        )
    if validation:
        warnings.append(
            f"No validation image shows {_listed(validation)}, so no choice heeds it. Add images of it to "
            "the validation part, or leave that part out to have one cut from train."
        )
    return tuple(warnings)


def _listed(names: Sequence[str]) -> str:
    named = ", ".join(repr(name) for name in names[:_NUM_NAMED])
    return named if len(names) <= _NUM_NAMED else f"{named} and {len(names) - _NUM_NAMED} more classes"


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
    num, possible = settings.num_members, possible_strategies(settings, counts.total() // len(counts))
    if not set(possible) & set(_WITHOUT_SHARED_BLOCKS):
        return None
    verb = "may be" if len(possible) > 1 else "is"
    return (
        f"With --strategy {settings.strategy} the ensemble {verb} {num} whole networks, "
        f"which cost {num} times the training, disk and time of one. With --strategy partial they share all "
        "blocks but the last."
    )
