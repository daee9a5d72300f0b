"""The record of a sample, for tests that need no store."""

from datetime import UTC, datetime

from store.samples.sample import Sample

# Half of the bits of its hash are set, as in every photograph's.
GOLDEN = Sample(
    id=1,
    sha256="0" * 64,
    phash=0x6A5C_96A3_3C5A_A59C,
    origin="initial",
    split="golden",
    state="accepted",
    label="ants",
    label_revision=1,
    source="train",
    is_trusted=True,
    group=None,
    prediction_id=None,
    predicted_label=None,
    created=datetime(2026, 1, 1, tzinfo=UTC),
)
