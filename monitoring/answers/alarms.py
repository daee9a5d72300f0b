"""The answers of `/v1/alarms`."""

from pydantic import Field

from monitoring.answers.answer import Answer, UtcTime


class AlarmPicture(Answer):
    """An image that made an alarm; `/v1/alarms/{alarm_id}/images/{sha256}` shows it and the normal one."""

    sha256: str
    prediction_id: str = Field(description="What was answered on it.")
    nearest_sha256: str | None = Field(
        description="The normal image that is most like it; null where that was deleted."
    )


class AlarmSummary(Answer):
    """What a person should look at: the images changed, or more answers are wrong."""

    id: int
    kind: str = Field(
        description="looks: the images look otherwise. class_mix: they look as ever, but other classes come. "
        "errors: more answers are wrong."
    )
    state: str = Field(
        description="open: nobody looked yet. acknowledged: it goes on. accepted: a person said that this is "
        "normal now. ended: production changed, so that what is normal is collected anew."
    )
    sentence: str = Field(description="What is the matter, in words.")
    version: str = Field(description="What answered.")
    detector: str = Field(description="What noticed.")
    raised: UtcTime
    since: UtcTime = Field(description="Since when it is so, as far as can be told.")
    ended: UtcTime | None = Field(description="Null while it goes on.")
    classes: list[str] = Field(description="Those in which it shows most, most first.")
    figures: dict[str, float] = Field(description="What was counted or measured.")
    acted: UtcTime | None = Field(description="When somebody acted last, or when it ended by itself.")
    acted_by: str | None = Field(description="The name of a key, a person at the command line, or learner.")
    reason: str | None = Field(description="Why.")


class AlarmDetail(AlarmSummary):
    """An alarm with the images that made it most."""

    images: list[AlarmPicture] = Field(description="At most 20; their labels are asked for, at /v1/queue.")


class AlarmList(Answer):
    """Alarms, newest first."""

    alarms: list[AlarmDetail]
    num_open: int = Field(description="Alarms that nobody looked at yet, beyond those listed too.")
