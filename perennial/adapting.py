"""The pictures of another domain that a training adapts to, read before the training images are."""

from collections.abc import Callable
from pathlib import Path

from perennial.errors import SettingsError
from vision.adaptation.choice import choose_adaptations
from vision.adaptation.table import ADAPTATIONS
from vision.sources.unlabelled import UnlabelledImages, check_unlabelled, list_unlabelled
from vision.transfer import TransferSettings


def target_images(
    folder: Path | None, transfer: TransferSettings, on_image: Callable[[int, int], None]
) -> UnlabelledImages | None:
    """Return the readable pictures of a folder, provided that the adaptations can use them and suffice.

    Args:
        folder: Searched recursively; None where none was named.
        transfer: Which adaptations are asked for, and what they must go with.
        on_image: Called after each with (pictures looked at, pictures in all).

    Raises:
        SettingsError: There is a folder, and no adaptation that uses it.
        AdaptationError: An adaptation lacks pictures, or does not go with the other settings.
        SourceError: There is no such folder, or no pictures in it.
    """
    if folder is None:
        _check(transfer, 0)
        return None
    users = [adaptation.name for adaptation in ADAPTATIONS if adaptation.needs_unlabelled]
    if not set(users) & set(transfer.adaptations):
        raise SettingsError(
            f"Expected --unlabelled with --adapt {', '.join(users[:-1])} or {users[-1]}, which use it; "
            f"got {' and '.join(transfer.adaptations) or 'none'}. Add one of them, or leave the folder out."
        )
    files = list_unlabelled(folder)
    _check(transfer, len(files))
    images = check_unlabelled(files, transfer.limits, on_image=on_image)
    _check(transfer, len(images))
    return images


def _check(transfer: TransferSettings, num_unlabelled: int) -> None:
    choose_adaptations(
        transfer.adaptations,
        strategy=transfer.strategy,
        backbone=transfer.backbone,
        weights=transfer.weights,
        num_unlabelled=num_unlabelled,
    )
