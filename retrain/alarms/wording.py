"""Says in a sentence what an alarm is about."""

from collections.abc import Sequence
from datetime import datetime, timedelta

# A weekday says when something was, so long ago at most.
_WEEK = timedelta(days=6)
_NUM_NAMED = 3


def looks(since: datetime, now: datetime, classes: Sequence[str], words: str) -> str:
    """Return that the images look otherwise.

    Args:
        since: Since when.
        now: The present.
        classes: Those in which it shows most, most first.
        words: In which way; empty where no plain word says it.

    >>> from datetime import UTC
    >>> noon = datetime(2026, 5, 5, 12, tzinfo=UTC)
    >>> looks(noon, noon, ["cat", "dog"], "darker by 38 %, blurrier")
    "Since Tuesday 12:00 UTC the images look otherwise, most in 'cat' and 'dog': darker by 38 %, blurrier."
    """
    where = f", most in {named(classes)}" if classes else ""
    return f"Since {moment(since, now)} the images look otherwise{where}{f': {words}' if words else ''}."


def class_mix(since: datetime, now: datetime, shares: Sequence[tuple[str, float, float]]) -> str:
    """Return that other classes come than before.

    Args:
        since: Since when.
        now: The present.
        shares: Of the classes that changed most, (class, share before, share since), as fractions.

    >>> from datetime import UTC
    >>> noon = datetime(2026, 5, 5, 12, tzinfo=UTC)
    >>> class_mix(noon, noon, [("cat", 0.1, 0.42)])
    "Since Tuesday 12:00 UTC other classes come than before, looking as ever: 'cat' 10 → 42 %."
    """
    changes = ", ".join(
        f"'{name}' {100 * before:.0f} → {100 * after:.0f} %" for name, before, after in shares[:_NUM_NAMED]
    )
    told = f": {changes}" if changes else ""
    return f"Since {moment(since, now)} other classes come than before, looking as ever{told}."


def errors(
    since: datetime, now: datetime, before: float, after: float, num_labels: int, of_class: str
) -> str:
    """Return that more answers are wrong.

    Args:
        since: Since when.
        now: The present.
        before: Share of wrong answers that was normal, a fraction.
        after: Share of wrong answers since.
        num_labels: Labelled draws since.
        of_class: The class whose answers they are; empty for all.
    """
    whose = f" '{of_class}'" if of_class else ""
    return (
        f"Since {moment(since, now)} more answers{whose} are wrong: {100 * after:.0f} % of {num_labels:,} "
        f"labelled draws, {100 * before:.0f} % before."
    )


def moment(since: datetime, now: datetime) -> str:
    """Return a moment as people say it: by its weekday where that is clear, else by its date; in UTC.

    >>> from datetime import UTC
    >>> moment(datetime(2026, 5, 5, 14, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC))
    '5 May 14:00 UTC'
    """
    clock = f"{since:%H:%M} UTC"
    return f"{since:%A} {clock}" if now - since < _WEEK else f"{since.day} {since:%B} {clock}"


def named(classes: Sequence[str]) -> str:
    """Return the first classes in a list of words.

    >>> named(["cat", "dog", "owl", "fox"])
    "'cat', 'dog', 'owl' and others"
    """
    quoted = [f"'{name}'" for name in classes[:_NUM_NAMED]]
    if len(classes) > _NUM_NAMED:
        quoted.append("others")
    return " and ".join(filter(None, (", ".join(quoted[:-1]), quoted[-1])))
