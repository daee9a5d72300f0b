"""Checks and cleans the names of classes, wherever a label comes from."""

import unicodedata
from collections.abc import Collection, Iterable

from vision.errors import LabelError

MAX_LABEL_CHARACTERS = 200
# Control characters; format characters, which are invisible or turn the direction of what follows; halves of
# surrogate pairs, which JSON can carry and no database can store; separators of lines and paragraphs.
_UNPRINTABLE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
# Persian, Indic scripts and emoji are written with them.
_JOINERS = "\u200c\u200d"


def is_printable(text: str) -> bool:
    """Return whether a text can be stored and shown as it is: it has no invisible characters.

    >>> is_printable("café"), is_printable("bees\\u200b"), is_printable("\\u202ebees")
    (True, False, False)
    """
    return all(
        unicodedata.category(character) not in _UNPRINTABLE or _is_joiner(text, place)
        for place, character in enumerate(text)
    )


def _is_joiner(text: str, place: int) -> bool:
    """Return whether a character joins its neighbours, which are letters, marks or symbols beyond ASCII."""
    neighbours = (text[place - 1 : place], text[place + 1 : place + 2])
    return text[place] in _JOINERS and all(
        each > "\x7f" and unicodedata.category(each)[0] in "LMS" for each in neighbours
    )


def clean_label(label: str) -> str:
    """Return a label in Unicode's composed form (NFC), without the space around it.

    Raises:
        LabelError: It is empty, over 200 characters, or has invisible characters.
    """
    cleaned = unicodedata.normalize("NFC", label).strip()
    if not cleaned:
        raise LabelError("Expected a label, found an empty one.")
    if len(cleaned) > MAX_LABEL_CHARACTERS:
        raise LabelError(
            f"Expected a label of at most {MAX_LABEL_CHARACTERS} characters, found {len(cleaned)}."
        )
    if not is_printable(cleaned):
        raise LabelError(f"Expected a label of visible characters, found an invisible one in {cleaned!a}.")
    return cleaned


def name_key(name: str) -> str:
    """Return what two names share that people take for one: case, spaces and what is invisible don't count.

    >>> name_key("Red  Wine\\u200b") == name_key("red wine")
    True
    """
    visible = "".join(character for character in name if unicodedata.category(character) != "Cf")
    return " ".join(unicodedata.normalize("NFC", visible).casefold().split())


def class_named(label: str, class_names: Collection[str]) -> str:
    """Return the class that a label names, spelled as the class is; a label of no class as it is.

    >>> class_named("Red  wine", ["red wine", "water"])
    'red wine'
    """
    if label in class_names:
        return label
    key = name_key(label)
    alike = [name for name in class_names if name_key(name) == key]
    return alike[0] if len(alike) == 1 else label


def first_twins(names: Iterable[str]) -> tuple[str, str] | None:
    """Return the first two names that people take for one, or None.

    >>> first_twins(["ants", "bees", "Ants"])
    ('ants', 'Ants')
    """
    seen: dict[str, str] = {}
    for name in names:
        twin = seen.setdefault(name_key(name), name)
        if twin != name:
            return twin, name
    return None
