"""Lists WebDataset tars, in which an image and its label share a name: KEY.jpg and KEY.cls or KEY.json."""

import json
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from vision.decoding import ImageLimits
from vision.errors import NoImagesError
from vision.sources.listing import (
    IMAGE_SUFFIXES,
    NUM_NAMED,
    Entries,
    EntryError,
    LabelledImage,
    Split,
    label_of,
    reasons,
    shown,
    split_in,
    split_of,
)
from vision.sources.tar_shards import MAX_FIELD_BYTES, Member, Sample, samples_in, tars_in


def list_webdataset(place: Path, limits: ImageLimits) -> Entries:
    """List the images of a tar, or of a folder's tars.

    A label is the text of KEY.cls, or "label" of KEY.json; the name of a class that is an index is the index.
    The split is "split" of KEY.json, else the one in the tar's name (birds-train-000000.tar).

    Raises:
        MalformedSourceError: A tar can't be read to its end.
        NoImagesError: No tar holds an image.
    """
    images, refused, others = list[LabelledImage](), list[tuple[str, str]](), list[Sample]()
    for tar in tars_in(place):
        for sample in samples_in(tar):
            image = image_of(sample)
            if image is None:
                others.append(sample)
                continue
            try:
                label, split = _label_and_split(sample)
                images.append(LabelledImage(partial(image.read_image, limits), label, sample.name, split))
            except EntryError as error:
                refused.append((sample.name, str(error)))
    if not images and not refused:
        raise NoImagesError(
            f"Expected images with their labels (KEY.jpg beside KEY.cls or KEY.json) in {place}; found "
            f"none{reasons(_described(others))}"
        )
    return Entries(place, images, refused, _described(others))


def _described(others: Sequence[Sample]) -> list[tuple[str, str]]:
    """Return (name of the first, how many there are) of the samples that hold no image."""
    if not others:
        return []
    ends = ", ".join(sorted({shown(f".{end}") for sample in others for end in sample.members})[:NUM_NAMED])
    return [(others[0].name, f"without an image of a type that is read ({ends}); there are {len(others)}")]


def image_of(sample: Sample) -> Member | None:
    """Return a sample's image, or None if it has none that we accept."""
    return next((sample.members[end] for end in sample.members if f".{end}" in IMAGE_SUFFIXES), None)


def fields_of(sample: Sample) -> dict[str, Any]:
    """Return the fields of KEY.json.

    Raises:
        EntryError: There is none, or it can't be read.
    """
    member = sample.members.get("json")
    if member is None:
        raise EntryError("It has no KEY.json.")
    try:
        fields = json.loads(_small(member))
    except (ValueError, RecursionError) as error:
        raise EntryError(f"Its KEY.json can't be read ({error}).") from error
    if not isinstance(fields, dict):
        raise EntryError(f"Expected an object in its KEY.json, found {type(fields).__name__}.")
    return fields


def _label_and_split(sample: Sample) -> tuple[str, Split | None]:
    if (member := sample.members.get("cls")) is not None:
        try:
            return label_of(_small(member).decode()), split_in(sample.tar.name)
        except UnicodeDecodeError as error:
            raise EntryError(f"Its KEY.cls is no text ({error}).") from error
    if "json" not in sample.members:
        raise EntryError("It has no KEY.cls and no KEY.json, and so no label.")
    fields = fields_of(sample)
    return label_of(fields.get("label")), _split(fields) or split_in(sample.tar.name)


def _split(fields: Mapping[str, Any]) -> Split | None:
    named = fields.get("split")
    return split_of(named) if isinstance(named, str) else None


def _small(member: Member) -> bytes:
    if member.num_bytes > MAX_FIELD_BYTES:
        raise EntryError(f"Expected at most {MAX_FIELD_BYTES:,} bytes of label, found {member.num_bytes:,}.")
    return member.read()
