"""Checks and cleans the names of classes, wherever a label comes from."""

import unicodedata

from vision.errors import LabelError

MAX_LABEL_CHARACTERS = 200
# Control characters, and halves of surrogate pairs, which JSON can carry and no database can store.
_UNPRINTABLE = frozenset({"Cc", "Cs"})


def is_printable(text: str) -> bool:
    """Return whether a text can be stored and shown: it has no control characters."""
    return all(unicodedata.category(character) not in _UNPRINTABLE for character in text)


def clean_label(label: str) -> str:
    """Return a label in Unicode's composed form (NFC), without the space around it.

    Raises:
        LabelError: It is empty, over 200 characters, or has control characters.
    """
    cleaned = unicodedata.normalize("NFC", label).strip()
    if not cleaned:
        raise LabelError("Expected a label, found an empty one.")
    if len(cleaned) > MAX_LABEL_CHARACTERS:
        raise LabelError(
            f"Expected a label of at most {MAX_LABEL_CHARACTERS} characters, found {len(cleaned)}."
        )
    if not is_printable(cleaned):
        raise LabelError("Expected a label of printable characters, found a control character.")
    return cleaned
