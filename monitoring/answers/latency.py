"""The answer of `/v1/latency`."""

from pydantic import Field

from monitoring.answers.answer import Answer


class Latency(Answer):
    """How fast this server answered requests to `/v1/predict`, by all of its workers, since it started.

    The seconds are bounds of the histogram `perennial_request_latency_seconds`, so that they are true of all
    requests that were counted, and not estimated between two bounds.
    """

    num_requests: int = Field(description="Refused ones count too.")
    median_seconds: float | None = Field(
        description="Half of the requests were answered within this; null before the first, or over 10 s."
    )
    p99_seconds: float | None = Field(description="99 of 100 were; null likewise.")
