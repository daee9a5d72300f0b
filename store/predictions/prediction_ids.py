"""Ids of predictions: UUIDs of version 7, which carry the time at which they were made."""

import re
import secrets
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_WELL_FORMED = re.compile(r"[0-9a-f]{12}7[0-9a-f]{3}[89ab][0-9a-f]{15}")


def new_prediction_id(moment: datetime) -> str:
    """Return a new id of 32 hexadecimal digits that sorts by `moment`, to the millisecond.

    >>> new_prediction_id(datetime(2026, 1, 1, tzinfo=UTC))[:13]
    '019b76daa8007'

    Source:
        RFC 9562, section 5.7.
    """
    milliseconds = (moment - _EPOCH) // timedelta(milliseconds=1)
    value = (milliseconds << 80) | secrets.randbits(80)
    # Four bits say version 7, two say which layout of UUIDs this is; the other 74 are random.
    value = (value & ~(0xF << 76)) | (0x7 << 76)
    value = (value & ~(0x3 << 62)) | (0x2 << 62)
    return f"{value:032x}"


def milliseconds_of(prediction_id: str) -> int | None:
    """Return when an id was made, in milliseconds since 1970, or None where it is no id of ours.

    >>> milliseconds_of("019b76daa8007abc8def0123456789ab")
    1767225600000
    >>> milliseconds_of("nonsense")
    """
    if _WELL_FORMED.fullmatch(prediction_id) is None:
        return None
    return int(prediction_id[:12], 16)
