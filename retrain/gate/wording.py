"""Numbers as people read them."""

from collections.abc import Sequence

from retrain.gate.verdict import Number

_MAX_NAMED = 10


def percent(fraction: Number) -> str:
    """Return e.g. "41.2"; "?" for None."""
    return "?" if fraction is None else f"{100 * float(fraction):.1f}"


def points(fraction: Number) -> str:
    """Return e.g. "+0.4" or "−1.2"; "?" for None."""
    return "?" if fraction is None else f"{100 * float(fraction):+.1f}".replace("-", "−")


def change(before: Number, after: Number) -> str:
    """Return e.g. "71.0 → 70.9 %"."""
    return f"{percent(before)} → {percent(after)} %"


def p_value(p: Number) -> str:
    """Return e.g. "p=0.0041".

    >>> p_value(0.00000001), p_value(0.004), p_value(0.4)
    ('p<0.0001', 'p=0.0040', 'p=0.40')
    """
    p = float(p or 0.0)
    return "p<0.0001" if p < 0.0001 else f"p={p:.4f}" if p < 0.1 else f"p={p:.2f}"


def counted(num: int, noun: str) -> str:
    """Return e.g. "1 image" or "1,200 images".

    >>> counted(1, "image"), counted(1200, "image")
    ('1 image', '1,200 images')
    """
    return f"{num:,} {noun}" if num == 1 else f"{num:,} {noun}s"


def listed(names: Sequence[str], most: int = _MAX_NAMED) -> str:
    """Return e.g. "ant, bee and cow"; of more than `most` names, how many more there are.

    >>> listed(["ant"]), listed(["ant", "bee", "cow", "dog"], 2)
    ('ant', 'ant, bee and 2 more')
    """
    named = list(names[:most])
    if len(names) > most:
        named.append(f"{len(names) - most} more")
    return " and ".join(filter(None, [", ".join(named[:-1]), named[-1]]))
