"""Answers of stored versions: read where a version gave them before, else given once and stored."""

from collections.abc import Iterable

from sqlalchemy import Connection

from retrain.dataset import Item
from retrain.models import RoundModels
from store import leases
from store.evidence.answers import Answer, read_answers, store_answers
from store.state import State
from store.versions import Version


class StoredAnswers:
    """What stored versions answer on held-out images.

    Args:
        state: Where answers are stored.
        models: Runs versions.
        fencing: The learner's number.
    """

    def __init__(self, state: State, models: RoundModels, fencing: int) -> None:
        self._state = state
        self._models = models
        self._fencing = fencing

    def of(self, version: Version, items: Iterable[Item]) -> dict[str, Answer]:
        """Return a version's answers by SHA-256; it is loaded only where it must answer.

        Raises:
            FencedError: The lease went to another learner; nothing was stored.
            VersionRetiredError: It must answer, and its files were dropped.
        """
        by_image = {item.sha256: item for item in items}
        with self._state.database.read() as connection:
            known = read_answers(connection, version.version, by_image)
        missing = [item for sha256, item in by_image.items() if sha256 not in known]
        if not missing:
            return known
        answers = self._models.answers(self._models.load(version), missing)
        added = answers.by_image(item.sha256 for item in missing)

        def work(connection: Connection) -> None:
            leases.check(connection, self._fencing)
            store_answers(connection, version.version, added)

        self._state.database.write(work)
        return known | added
