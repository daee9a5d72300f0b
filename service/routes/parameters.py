"""Parameters that routes share: pages of lists, ids in paths, and the source of a request."""

from typing import Annotated

from fastapi import Path, Query, Request

from service.keys import Sender
from service.middleware.access import ANONYMOUS

# A database's largest id; no row has a larger one.
MAX_ID = 2**63 - 1

Limit = Annotated[int, Query(ge=1, le=500, description="Rows of one page, at most.")]
Before = Annotated[int | None, Query(ge=1, le=MAX_ID, description="The last row of the page before.")]
RowId = Annotated[int, Path(ge=1, le=MAX_ID)]
IMAGE_HEADERS = {"X-Content-Type-Options": "nosniff", "Cache-Control": "private, max-age=3600"}


def sender_of(request: Request) -> Sender:
    """Return who sends a request, as `Access` set it."""
    sender: Sender = getattr(request.state, "sender", ANONYMOUS)
    return sender


def source_of(request: Request) -> str:
    """Return the name of the request's key."""
    return sender_of(request).source
