"""Errors that a person at the command line can mend.

PerennialError
├── SettingsError          a setting is unknown, or its value can't be
├── NoProductionError      there is no model yet
├── PortTakenError         another process listens there
├── ServerError            a server that a command started did not do its part
└── TargetExistsError      a file or folder would be overwritten
"""


class PerennialError(Exception):
    """Any error of the front door; its message says what was expected, found, and what to do."""


class SettingsError(PerennialError):
    """A setting is unknown, or its value can't be."""


class NoProductionError(PerennialError):
    """There is no model yet."""


class PortTakenError(PerennialError):
    """Another process listens on the port."""


class ServerError(PerennialError):
    """A server that a command started did not do its part."""


class TargetExistsError(PerennialError):
    """A file or folder would be overwritten."""
