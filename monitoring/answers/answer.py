"""What all answers have in common: known fields only, and times in ISO 8601."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, PlainSerializer, WithJsonSchema


class Answer(BaseModel):
    """One object of an answer; a field that its class does not name is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _iso(moment: datetime) -> str:
    # Pydantic would write "Z" for "+00:00".
    return moment.isoformat()


UtcTime = Annotated[
    datetime,
    PlainSerializer(_iso, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time", "description": "ISO 8601, in UTC."}),
]
