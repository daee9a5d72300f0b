"""Reads the unlabelled pictures of the domain that a training adapts to."""

from collections.abc import Callable
from pathlib import Path

from transfer.errors import OptionError
from vision.adaptation.choice import choose_adaptations
from vision.adaptation.table import ADAPTATIONS
from vision.sources.unlabelled import UnlabelledImages, check_unlabelled, list_unlabelled
from vision.transfer_settings import TransferSettings


def target_images(
    folder: Path | None, transfer: TransferSettings, on_image: Callable[[int, int], None]
) -> UnlabelledImages | None:
    """Return the readable pictures of a folder, after checking that the adaptations can use them.

    Args:
        folder: Searched with its subfolders; None where none was named.
        transfer: The adaptations, with the settings that they must go with.
        on_image: Called after each picture with (pictures checked, pictures in all).

    Raises:
        OptionError: There is a folder, but no adaptation that uses it.
        AdaptationError: An adaptation has too few pictures, or does not go with the other settings.
        SourceError: There is no such folder, or no pictures in it.
    """
    if folder is None:
        _check(transfer, 0)
        return None
    users = [adaptation.name for adaptation in ADAPTATIONS if adaptation.needs_unlabelled]
    if not set(users) & set(transfer.adaptations):
        raise OptionError(
            f"Expected --unlabelled with --adapt {', '.join(users[:-1])} or {users[-1]}, which use it; "
            f"got {' and '.join(transfer.adaptations) or 'none'}. Add one of them, or leave the folder out."
        )
    files = list_unlabelled(folder)
    _check(transfer, len(files.images))
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
