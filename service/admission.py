"""How many images one process holds at once; past that a request is refused instead of kept waiting.

A large image takes several places: as many as usual ones can be decoded in the same time.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from service.errors import BusyError, TooManyImagesError


class Admission:
    """Counts the places of images that were admitted and are not answered yet."""

    def __init__(self, max_images: int, on_refusal: Callable[[], None]) -> None:
        self._max_images = max_images
        self._on_refusal = on_refusal
        self.num_admitted = 0

    @property
    def is_full(self) -> bool:
        """Whether no further image would be admitted."""
        return self.num_admitted >= self._max_images

    def refusal(self) -> BusyError:
        """Count a refusal, and return its error."""
        self._on_refusal()
        return BusyError(f"Expected at most {self._max_images} waiting images, found {self.num_admitted}.")

    @contextmanager
    def hold(self, *places: int) -> Iterator[None]:
        """Hold places inside the block.

        Args:
            places: How many each image of one request takes, at least 1.

        Raises:
            TooManyImagesError: The images of the request would never have a place together.
            BusyError: There is no place for them now.
        """
        wanted = sum(places)
        # Into an empty queue one image is admitted however large it is, and many however many they are.
        if len(places) > 1 and wanted > max(self._max_images, len(places)):
            raise TooManyImagesError(
                f"Expected images that take at most {self._max_images} places in the queue, "
                f"found {len(places)} that take {wanted}: one takes a place for "
                "every 16 megapixels of a JPEG, or 2 of another."
            )
        if self.num_admitted > 0 and self.num_admitted + wanted > self._max_images:
            raise self.refusal()
        self.num_admitted += wanted
        try:
            yield
        finally:
            self.num_admitted -= wanted
