"""The monitoring room's errors: one class for each decision that a caller makes."""


class MonitoringError(Exception):
    """Something could not be measured or shown; the message says what was expected and what to do."""


class TooFewEmbeddingsError(MonitoringError):
    """Two embeddings on each side are the fewest that the unbiased MMD² is defined for."""


class EmbeddingMismatchError(MonitoringError):
    """Embeddings that are compared come from different networks, or hold a value that is no number."""


class NoReferenceError(MonitoringError):
    """The production version's artifact holds no reference embeddings, so its drift can't be measured."""


class InvalidCountError(MonitoringError):
    """A count of right answers lies outside of what was counted."""
