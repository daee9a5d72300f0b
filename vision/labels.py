"""Checks and cleans the names of classes, wherever a label comes from."""

import re
import unicodedata
from collections.abc import Collection, Iterable

from vision.errors import LabelError

MAX_LABEL_CHARACTERS = 200
# Control characters; format characters, which are invisible or turn the direction of what follows; halves of
# surrogate pairs, which JSON can carry and no database can store; separators of lines and paragraphs.
_UNPRINTABLE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
# What is drawn as nothing, whatever its category: Unicode's Default_Ignorable_Code_Point, with fillers of
# Hangul, selectors of variants, and what is reserved for the like; then the Braille pattern without a dot.
_IGNORABLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff\u2800]"
)
# Persian, Indic scripts and emoji are written with them.
_JOINERS = "\u200c\u200d"
# Says whether a symbol is drawn as text or as an emoji; these few of the latter are no symbols by category.
_PRESENTATIONS = "\ufe0e\ufe0f"
_PUNCTUATION_EMOJI = "\u203c\u2049\u3030"
_KEYCAP = re.compile("[0-9#*]\ufe0f\u20e3")


def is_printable(text: str) -> bool:
    """Return whether a text can be stored and shown as it is: it has no invisible characters.

    >>> is_printable("café"), is_printable("bees\\u200b"), is_printable("\\u202ebees")
    (True, False, False)
    """
    return all(
        not _is_invisible(character) or _is_joiner(text, place) or _is_presentation(text, place)
        for place, character in enumerate(text)
    )


def _is_invisible(character: str) -> bool:
    return unicodedata.category(character) in _UNPRINTABLE or _IGNORABLE.match(character) is not None


def _is_presentation(text: str, place: int) -> bool:
    """Return whether a character says how the symbol or the key before it is drawn."""
    before = text[place - 1] if text[place] in _PRESENTATIONS and place > 0 else ""
    is_symbol = before > "\x7f" and (unicodedata.category(before)[0] == "S" or before in _PUNCTUATION_EMOJI)
    return (is_symbol and not _is_invisible(before)) or bool(before and _KEYCAP.match(text, place - 1))


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
    drawn = _IGNORABLE.sub("", name)
    visible = "".join(character for character in drawn if unicodedata.category(character) != "Cf")
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
