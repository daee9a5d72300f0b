"""The record beside each image of an archive."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from perennial.errors import UnusableRecordError
from store.kept_samples import KeptSample, SourceLabel
from store.samples.label_rules import GivenLabel
from store.samples.new_samples import NewSample
from vision.labels import MAX_LABEL_CHARACTERS

# No database takes a zero byte.
_Label = Annotated[str, Field(min_length=1, max_length=MAX_LABEL_CHARACTERS, pattern=r"^[^\x00]*$")]
_Source = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\x00]*$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RecordedLabel(_Strict):
    """The current label of one source.

    Attributes:
        source: Who gave it.
        label: What was said.
        created: When.
        is_trusted: It was authoritative where it was exported; archives of earlier releases don't say.
        is_settlement: A person settled a dispute with it there.
    """

    source: _Source
    label: _Label
    created: AwareDatetime
    is_trusted: bool = False
    is_settlement: bool = False

    def source_label(self, is_trusted: bool) -> SourceLabel:
        """Return the label for the store, with its trust where the archive is trusted."""
        given = GivenLabel(
            self.source, self.label, is_trusted and self.is_trusted, is_trusted and self.is_settlement
        )
        return SourceLabel(given, self.created)


class Record(_Strict):
    """A sample without its image.

    Attributes:
        sha256: Of the image's bytes.
        label: The label in force; None unless the state is accepted.
        state: accepted, conflict, quarantined or withheld.
        labels: The current label of each source, in the order in which they were given.
        origin: initial, audit, direct or volunteered.
        source: The source that sent it first.
        split: train, validation, holdout, golden or surplus.
        group: Samples of one group share a split.
        predicted_label: What was answered, where the sample labels a prediction.
        created: When it arrived.
    """

    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    label: _Label | None
    state: Literal["accepted", "conflict", "quarantined", "withheld"]
    labels: Annotated[tuple[RecordedLabel, ...], Field(min_length=1)]
    origin: Literal["initial", "audit", "direct", "volunteered"]
    source: _Source
    split: Literal["train", "validation", "holdout", "golden", "surplus"]
    group: Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")] | None
    predicted_label: _Label | None
    created: AwareDatetime

    @classmethod
    def of(cls, kept: KeptSample) -> "Record":
        """Return the record of a sample.

        Raises:
            UnusableRecordError: The record could not be read back.
        """
        labels = [asdict(each.given) | {"created": each.created} for each in kept.labels]
        for label in labels:
            # Whose labels count is for the home that reads them to say.
            del label["is_withheld"]
        own = {name: getattr(kept.sample, name) for name in cls.model_fields if name != "labels"}
        return cls.read({**own, "labels": labels})

    @classmethod
    def read(cls, fields: Mapping[str, Any]) -> "Record":
        """Return the record of these fields.

        Raises:
            UnusableRecordError: They are no record.
        """
        try:
            return cls.model_validate(fields)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            raise UnusableRecordError(f"Its field {where} can't be used: {first['msg']}.") from error

    def sample(self, phash: int) -> NewSample:
        """Return the sample for the store, with the perceptual hash of its image."""
        return NewSample(
            sha256=self.sha256,
            phash=phash,
            origin=self.origin,
            source=self.source,
            label=self.labels[0].label,
            group=self.group,
            predicted_label=self.predicted_label,
            split=self.split,
            created=self.created,
        )

    def source_labels(self, is_trusted: bool) -> tuple[SourceLabel, ...]:
        """Return the labels for the store, with their trust where the archive is trusted."""
        return tuple(each.source_label(is_trusted) for each in self.labels)

    def known_labels(self) -> frozenset[str]:
        """Return the labels that were classes where the sample was exported."""
        if self.state == "conflict":
            return frozenset(each.label for each in self.labels)
        return frozenset() if self.label is None else frozenset({self.label})


def to_texts(record: Record) -> dict[str, str]:
    """Return a record's fields for a CSV: None is empty, and the labels are JSON."""
    fields = record.model_dump(mode="json")
    fields["labels"] = json.dumps(fields["labels"], ensure_ascii=False)
    return {name: "" if value is None else str(value) for name, value in fields.items()}


def from_texts(texts: Mapping[str, str]) -> dict[str, Any]:
    """Return the fields of a record from their texts in a CSV.

    Raises:
        UnusableRecordError: The labels are no JSON.
    """
    fields: dict[str, Any] = {name: value or None for name, value in texts.items()}
    try:
        fields["labels"] = json.loads(texts.get("labels", ""))
    except (ValueError, RecursionError) as error:
        raise UnusableRecordError(f"Its field labels is no JSON ({error}).") from error
    return fields
