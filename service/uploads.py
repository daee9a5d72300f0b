"""What a client sends: an image, with its label or without."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ImageUpload:
    """One image's bytes, with the group that its client put it into."""

    content: bytes
    group: str | None


@dataclass(frozen=True, slots=True)
class LabelledUpload:
    """One image's bytes with their label."""

    content: bytes
    label: str
    group: str | None
