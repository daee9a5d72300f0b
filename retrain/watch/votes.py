"""Gives each cluster of images one vote in a watch, since a burst of one scene is one observation."""

from collections import defaultdict
from collections.abc import Iterable

from store.evidence.watch_images import AnsweredImage, LoggedAnswer
from store.samples.near_duplicates import is_informative, num_differing_bits
from store.samples.splits import SplitSettings

_MAX_BITS = SplitSettings().near_duplicate_distance


class Votes:
    """Remembers which images have a vote.

    An image has none where one of its group has it, or one that shows nearly the same and was answered alike
    by both: pictures of few details may have one hash and show other things.

    Args:
        images: Those that have a vote already.
        groups: (source, group) of those among them that have a group.
    """

    def __init__(self, images: Iterable[AnsweredImage], groups: Iterable[tuple[str, str]]) -> None:
        self._groups = set(groups)
        self._hashes: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
        for image in images:
            self._remember(image)

    def is_of_known_group(self, logged: LoggedAnswer) -> bool:
        """Return whether an image of its group has the vote."""
        return logged.group is not None and (logged.source, logged.group) in self._groups

    def give(self, logged: LoggedAnswer, image: AnsweredImage) -> bool:
        """Give an image its vote; return False where another image of its cluster has it."""
        alike = self._hashes[image.production_label, image.predecessor_label]
        if self.is_of_known_group(logged) or _is_near(image.phash, alike):
            return False
        self._remember(image)
        if logged.group is not None:
            self._groups.add((logged.source, logged.group))
        return True

    def _remember(self, image: AnsweredImage) -> None:
        self._hashes[image.production_label, image.predecessor_label].append(image.phash)


def _is_near(phash: int, others: Iterable[int]) -> bool:
    return is_informative(phash) and any(num_differing_bits(phash, other) <= _MAX_BITS for other in others)
