"""What can go wrong in the store: one class for each decision that a caller makes."""


class StoreError(Exception):
    """Base of every error of the store; its message says what to do."""


class DatabaseUrlError(StoreError):
    """The database's URL can't be used: the settings need a correction."""


class DatabaseUnavailableError(StoreError):
    """The database can't be read or written now; nothing was written, and a retry may work."""


class DatabaseClosedError(StoreError):
    """A write came after the database was closed."""


class NestedWriteError(StoreError):
    """A write was asked for from inside a write, where it would wait for itself."""


class NaiveTimeError(StoreError):
    """A time without its zone was about to be stored."""


class NewerDatabaseError(StoreError):
    """The database was migrated by a newer release than this one."""
