"""What makes a round again, beside its samples and their label revisions, which it records too."""

from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from retrain.settings import RoundSettings

_PACKAGES = ("perennial", "torch", "openvino", "numpy", "scikit-learn")


def recipe_of(settings: RoundSettings, training_precision: str) -> dict[str, Any]:
    """Return every setting that decides what a round learns and promotes, and the versions of what computes.

    Args:
        settings: The round's.
        training_precision: What its network computes in while it trains, which the processor decides.
    """
    recipe = asdict(settings)
    del recipe["limits"]  # they refuse images on their way in
    return recipe | {
        "training_precision": training_precision,
        "versions": {name: found for name in _PACKAGES if (found := _version(name)) is not None},
    }


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
