"""The errors of this room; each message says what to do, and a command prints only the message."""


class PerennialError(Exception):
    """Base of every error of this room."""


class SettingsError(PerennialError):
    """A setting is unknown, or its value can't be used."""


class NoHomeError(PerennialError):
    """There is no state at the home, where a command needs one."""


class HomeTakenError(PerennialError):
    """Another server runs on the home."""


class PortTakenError(PerennialError):
    """The server can't listen on its address: another program does, or this machine does not have it."""


class KeysMissingError(PerennialError):
    """A server for other machines would start without keys."""


class ServerError(PerennialError):
    """A server that a command started failed or did not answer in time."""


class PlaceRefusedError(PerennialError):
    """The system refuses a file or folder."""

    @classmethod
    def of(cls, error: OSError) -> "PlaceRefusedError":
        """Return the error for an error of the system."""
        if error.filename is None:
            return cls(
                f"Expected to write, found that the system refuses it ({error.strerror}). Check the disks of "
                "the home, the temporary folder and the output, then retry."
            )
        return cls(
            f"Expected to use {error.filename}, found that the system refuses it ({error.strerror}). "
            "Name another place, or make this one usable."
        )


class TargetExistsError(PerennialError):
    """A file or folder would be overwritten."""


class ArchiveError(PerennialError):
    """An archive of samples can't be written or read."""


class UnusableRecordError(ArchiveError):
    """The record of one image of an archive can't be used; it is caught, and listed as refused."""
