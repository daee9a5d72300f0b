"""Labelled samples of the store, as images to train and judge on."""

from collections.abc import Sequence

from store.blobs import BlobStore
from store.sample_rows import Sample


class StoredImages:
    """The bytes of samples with their class index, read from the store one by one."""

    def __init__(self, blobs: BlobStore, samples: Sequence[Sample], class_names: Sequence[str]) -> None:
        self._blobs = blobs
        numbers = {name: number for number, name in enumerate(class_names)}
        self._items = [(sample.sha256, numbers[str(sample.label)]) for sample in samples]

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, index: int) -> tuple[bytes, int]:
        sha256, label = self._items[index]
        return self._blobs.get(sha256), label
