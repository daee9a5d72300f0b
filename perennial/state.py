"""Opens the state that commands use: the one that is there, or a new one where a command may make it."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from perennial.errors import NoHomeError
from perennial.settings.settings import Settings
from store.database.revision import check_revision, revision_of
from store.durable import make_folder
from store.errors import NoDatabaseError
from store.state import State, opened

_log = logging.getLogger(__name__)


@contextmanager
def open_state(settings: Settings) -> Iterator[State]:
    """Open the state, made where there is none, and close it at the end.

    Raises:
        StoreError: It can't be opened, or another release made it; this never migrates it.
    """
    try:
        check_revision(settings.database_url)
    except NoDatabaseError:
        warn_of_other_homes(settings)
        prepare_home(settings)
    with opened(settings.database_url, settings.blobs) as state:
        yield state


@contextmanager
def open_existing_state(settings: Settings) -> Iterator[State]:
    """Open the state that is there, and close it at the end; make nothing.

    Raises:
        NoHomeError: There is none; the message says where it was looked for, and what runs elsewhere.
        StoreError: It can't be opened, or another release made it.
    """
    refuse_missing_home(settings)
    check_revision(settings.database_url)
    with opened(settings.database_url, settings.blobs) as state:
        yield state


def refuse_missing_home(settings: Settings) -> None:
    """Return if there is a database, of whichever release; make nothing.

    Raises:
        NoHomeError: There is none; the message says where it was looked for, and what runs elsewhere.
        StoreError: It can't be read.
    """
    if revision_of(settings.database_url) is not None:
        return
    is_default = "home" not in settings.model_fields_set
    why = " (.perennial in this folder, since PERENNIAL_HOME is not set)" if is_default else ""
    raise NoHomeError(
        f"Expected a Perennial in {settings.home}{why}, found none. "
        f"{_other_servers(settings) or 'PERENNIAL_HOME names another home.'} "
        "`perennial up` and `perennial train DIR` make one here."
    )


def warn_of_other_homes(settings: Settings) -> None:
    """Warn where the home was not named and servers of this user have others: one of those may be meant."""
    if "home" not in settings.model_fields_set and (others := _other_servers(settings)):
        _log.warning("What is made now goes into %s. %s", settings.home, others)


def prepare_home(settings: Settings) -> None:
    """Make the home, for its owner alone, and make or migrate the database, under a lock."""
    # Only now, since it loads Alembic.
    from store.database.migrate import migrate

    make_folder(settings.home)
    if settings.home.stat().st_mode & 0o007:
        _log.warning(
            "Other users of this machine may look into %s. To keep it to yourself: chmod 700 %s",
            settings.home,
            settings.home,
        )
    migrate(settings.database_url)


def _other_servers(settings: Settings) -> str:
    """Return a sentence for each server of this user that has another home."""
    # Only now, since it looks at every process.
    from perennial.running_servers import servers_of_this_user

    return " ".join(
        f"The server on {server} has its home elsewhere: PERENNIAL_HOME={server.home}."
        for server in servers_of_this_user()
        if server.home != settings.home
    )
