"""How many images one process holds at once; past that a request is refused instead of kept waiting."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from service.errors import BusyError


class Admission:
    """Counts the images that were admitted and are not answered yet."""

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
    def hold(self, num_images: int) -> Iterator[None]:
        """Hold places for so many images inside the block.

        Raises:
            BusyError: There is no place for them.
        """
        # Into an empty queue a request is admitted, however many images it brings.
        if self.num_admitted > 0 and self.num_admitted + num_images > self._max_images:
            raise self.refusal()
        self.num_admitted += num_images
        try:
            yield
        finally:
            self.num_admitted -= num_images
