"""Opens the state that all commands use, made and migrated where needed."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from perennial.settings.settings import Settings
from store.database.migrate import migrate
from store.state import State, opened


@contextmanager
def open_state(settings: Settings) -> Iterator[State]:
    """Open the state, making and migrating it where needed, and close it at the end."""
    prepare_home(settings)
    with opened(settings.database_url, settings.blobs) as state:
        yield state


def prepare_home(settings: Settings) -> None:
    """Make the home and migrate the database to the newest revision, under a lock."""
    Path(settings.home).mkdir(parents=True, exist_ok=True)
    migrate(settings.database_url)
