"""Whether this process should be sent requests."""

from service.errors import NotReadyError
from service.inference.predictor import Predictor
from store.database.database import Database


class Readiness:
    """Ready from the first loaded version until the process begins to stop, or its database is removed."""

    def __init__(self, predictor: Predictor, database: Database) -> None:
        self._predictor = predictor
        self._database = database
        self._is_ending = False

    def check(self) -> None:
        """Check that requests should be sent here.

        Raises:
            NotReadyError: No version is loaded yet, and why, or the process is stopping.
            DatabaseRemovedError: What is written here would be lost.
        """
        if self._is_ending:
            raise NotReadyError("Expected a server that goes on, found one that is stopping.")
        self._database.check_file()
        self._predictor.require()

    def end(self) -> None:
        """Be not ready from now on, so that requests go elsewhere; those that come are still answered."""
        self._is_ending = True
