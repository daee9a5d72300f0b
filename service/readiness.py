"""Whether this process should be sent requests."""

from service.predictor import Predictor


class Readiness:
    """Ready from the first loaded version until the process is told to stop."""

    def __init__(self, predictor: Predictor) -> None:
        self._predictor = predictor
        self._is_ending = False

    @property
    def is_ready(self) -> bool:
        """Whether a version is loaded and the process goes on."""
        return self._predictor.live is not None and not self._is_ending

    def end(self) -> None:
        """Say from now on that requests should go elsewhere; those that come are still answered."""
        self._is_ending = True
