"""Whether this process should be sent requests."""

from service.inference.predictor import Predictor


class Readiness:
    """Ready from the first loaded version until the process begins to stop."""

    def __init__(self, predictor: Predictor) -> None:
        self._predictor = predictor
        self._is_ending = False

    @property
    def is_ready(self) -> bool:
        """Whether a version is loaded and the process goes on."""
        return self._predictor.live is not None and not self._is_ending

    def end(self) -> None:
        """Be not ready from now on, so that requests go elsewhere; those that come are still answered."""
        self._is_ending = True
