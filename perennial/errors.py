"""What can go wrong at the front door; each message says what to do, and a command prints just that."""


class PerennialError(Exception):
    """Base of every error of the front door."""


class SettingsError(PerennialError):
    """A setting is unknown, or its value can't be used."""


class PortTakenError(PerennialError):
    """Another program listens on the port that the server was to have."""


class ServerError(PerennialError):
    """A server that a command started did not do its part."""


class TargetExistsError(PerennialError):
    """A file or folder would be written over."""


class NoProductionError(PerennialError):
    """There is no version in production yet."""


class TooFewImagesError(PerennialError):
    """A folder's images don't suffice for training, validation and a golden set."""


class UnreadableImagesError(PerennialError):
    """Some of a folder's files are no images that can be read."""
