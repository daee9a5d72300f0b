"""What can go wrong at the front door; each message says what to do, and a command prints just that."""


class PerennialError(Exception):
    """Base of every error of the front door."""


class SettingsError(PerennialError):
    """A setting is unknown, or its value can't be used."""


class PortTakenError(PerennialError):
    """Another program listens on the port that the server was to have."""


class ServerError(PerennialError):
    """A server that a command started did not do its part."""


class PlaceRefusedError(PerennialError):
    """The system refuses a file or folder."""

    @classmethod
    def of(cls, error: OSError) -> "PlaceRefusedError":
        """Return the error that tells of the system's own."""
        return cls(
            f"Expected to use {error.filename}, the system refuses it ({error.strerror}). "
            "Name another place, or make this one usable."
        )


class TargetExistsError(PerennialError):
    """A file or folder would be written over."""


class TooFewImagesError(PerennialError):
    """A folder's images don't suffice for training, validation and a golden set."""


class ArchiveError(PerennialError):
    """An archive of samples can't be written or read as asked for."""


class UnusableRecordError(ArchiveError):
    """What stands beside one image of an archive can't be used; caught, and listed as refused."""
