"""The errors of training a version; each message says what to do."""


class TransferError(Exception):
    """Base of every error of this room."""


class OptionError(TransferError):
    """An option of a training names nothing, or does not go with another."""


class TooFewImagesError(TransferError):
    """There are too few images for training, validation and a golden set."""
