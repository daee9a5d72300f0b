"""Stores photographs with their labels, as feedback does."""

import io
from collections.abc import Sequence

from PIL import Image
from sqlalchemy import Connection

from benchmarks.photographs import Photograph
from store.samples.new_samples import NewSample
from store.samples.samples import add_sample
from store.samples.splits import SplitSettings
from store.state import State
from store.versions import production_classes
from vision.perceptual_hash import perceptual_hash


def send(
    state: State,
    photographs: Sequence[Photograph],
    *,
    split: str | None = None,
    is_trusted: bool = False,
    source: str = "benchmark",
) -> list[int]:
    """Store photographs that come directly with their label; return the samples' ids.

    Args:
        state: Of a home with a version in production.
        photographs: With their labels.
        split: None leaves it to the store.
        is_trusted: Whether their sender is.
        source: Their sender's name.
    """
    new = [
        NewSample(
            sha256=state.blobs.put(photograph.content),
            phash=perceptual_hash(Image.open(io.BytesIO(photograph.content)).convert("RGB")),
            origin="direct",
            source=source,
            label=photograph.label,
            is_trusted=is_trusted,
            split=split,
        )
        for photograph in photographs
    ]

    def work(connection: Connection) -> list[int]:
        names = production_classes(connection)
        if names is None:
            raise SystemExit("Expected a version in production, found none.")
        return [add_sample(connection, each, names, SplitSettings()).sample_id for each in new]

    return state.database.write(work)
