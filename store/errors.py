"""The store's errors: one class for each decision that a caller makes."""


class StoreError(Exception):
    """Base of every error of the store; its message says what to do."""


class DatabaseUrlError(StoreError):
    """The database's URL can't be used: the settings need a correction."""


class DatabaseUnavailableError(StoreError):
    """The database can't be read or written now; nothing was written, and a retry may work."""


class DatabaseFullError(DatabaseUnavailableError):
    """The database's disk is full."""


class DatabaseLockedError(DatabaseUnavailableError):
    """Another process held the database's lock for too long."""


class DatabaseAwayError(DatabaseUnavailableError):
    """The database's server or folder can't be reached."""


class DatabaseReadOnlyError(DatabaseUnavailableError):
    """The database can't be written by this process."""


class DatabaseDamagedError(DatabaseUnavailableError):
    """The database's file is damaged, or is none: a retry won't help."""


class DatabaseRemovedError(DatabaseUnavailableError):
    """The database's file was removed or replaced since it was opened: what is written would be lost."""


class DatabaseClosedError(StoreError):
    """A write came after the database was closed."""


class NestedWriteError(StoreError):
    """A write was asked for from inside a write, where it would wait for itself."""


class NaiveTimeError(StoreError):
    """A time without its zone was about to be stored."""


class NoDatabaseError(StoreError):
    """There is no database at the address, or it has no tables."""


class OlderDatabaseError(StoreError):
    """The database was migrated by an earlier release only: this one has to migrate it first."""


class NewerDatabaseError(StoreError):
    """The database was migrated by a newer release than this one."""


class FencedError(StoreError):
    """A learner wrote without holding the lease: another one works now, and this one must stop."""


class RoundInProgressError(StoreError):
    """A round was asked for while another is unfinished."""


class UnknownRoundError(StoreError):
    """There is no round of that number."""


class IllegalTransitionError(StoreError):
    """A round can't go from the state it is in to the one asked for."""


class TooManyTriesError(IllegalTransitionError):
    """A round crashed as often as it may: it has to be failed, not tried again."""


class UnknownVersionError(StoreError):
    """There is no version of that name."""


class VersionRetiredError(StoreError):
    """The version is remembered, but its files were dropped: it can't serve any more."""


class ChampionChangedError(StoreError):
    """Production is no longer the version that the decision was made against."""


class AcrossLineagesError(StoreError):
    """The move would change the classes that production knows, and was not forced."""


class NoPredecessorError(StoreError):
    """There is no earlier version to roll back to."""


class UnknownPredictionError(StoreError):
    """There is no prediction of that id, and as far as we know there never was."""


class PredictionGoneError(StoreError):
    """The prediction was deleted or has expired."""


class NotFiniteError(StoreError):
    """A measurement was no finite number."""


class TargetNotEmptyError(StoreError):
    """A backup or a restore would write over something."""


class CorruptBackupError(StoreError):
    """A backup is incomplete, or its bytes are not those that were written."""


class BackupToolError(StoreError):
    """A tool of the database that a backup needs is missing, or failed."""


class BlobMissingError(StoreError):
    """There are no bytes of that name."""


class CorruptBlobError(StoreError):
    """The bytes are not those that were put under their name."""


class BlobsUnavailableError(StoreError):
    """The bytes can't be read or written now; a retry may work."""


class BlobsFullError(BlobsUnavailableError):
    """The disk of the bytes is full."""


class BlobsReadOnlyError(BlobsUnavailableError):
    """The folder of the bytes can't be written by this process, or the bucket refuses its key."""


class BucketAwayError(BlobsUnavailableError):
    """The bucket of the bytes can't be reached."""


class UnknownSampleError(StoreError):
    """There is no sample of that number."""


class UnknownQuestionError(StoreError):
    """There is no question of that id."""


class AlreadyLabelledError(StoreError):
    """The image of a question has a label in force already."""


class UnknownDisputeError(StoreError):
    """There is no dispute of that number, or everybody agrees by now."""


class UnknownClassError(StoreError):
    """A label that has to be a class is none."""


class UnknownLabelError(StoreError):
    """No sample in quarantine has that label."""


class KnownClassError(StoreError):
    """A label that should be unknown is a class of production."""


class UnknownSourceError(StoreError):
    """There is no source of feedback of that name."""


class SourceNotQuarantinedError(StoreError):
    """A source that is not quarantined can't be released."""


class UnknownAlarmError(StoreError):
    """There is no alarm of that number, or it does not show that image."""


class AlarmEndedError(StoreError):
    """An alarm ended before a person acted on it."""
