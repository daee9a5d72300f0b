import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from perennial.settings.settings import Settings
from perennial.state import open_state
from store.evidence.disputes import open_disputes, settle
from store.samples.new_samples import NewSample
from store.samples.samples import add_sample
from store.samples.splits import SplitSettings
from store.state import State
from transfer.cuts import PartName
from transfer.importing import Imported, import_images
from vision.perceptual_hash import perceptual_hash
from vision.sources.listing import LabelledImage


def _jpeg(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


def _hash(content: bytes) -> int:
    return perceptual_hash(Image.open(io.BytesIO(content)).convert("RGB"))


def _near_pair() -> tuple[bytes, bytes, int]:
    """Return two pictures of one thing, and the number of bits in which their perceptual hashes differ."""
    pixels = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    image = Image.fromarray(pixels).resize((64, 64), Image.Resampling.BICUBIC)
    first = _jpeg(image)
    for cut in range(1, 10):
        other = _jpeg(image.crop((0, 0, 64 - cut, 64 - cut)).resize((64, 64)))
        distance = ((_hash(first) ^ _hash(other)) & (2**64 - 1)).bit_count()
        if 0 < distance <= 15:
            return first, other, distance
    raise AssertionError("Expected a crop that is near; found none.")


@pytest.mark.parametrize(("more", "num_moved"), [(-1, 0), (0, 1)])
def test_the_setting_says_how_near_two_pictures_of_one_thing_are(
    more: int, num_moved: int, settings: Settings
) -> None:
    first, other, distance = _near_pair()
    parts: dict[PartName, list[LabelledImage]] = {
        "golden": [LabelledImage(lambda: first, "blue", "first")],
        "train": [LabelledImage(lambda: other, "blue", "other")],
    }
    split = SplitSettings(near_duplicate_distance=distance + more)
    train_settings = replace(settings.train(), split=split)
    with open_state(settings) as state:
        imported = import_images(state, parts, ["blue"], train_settings)
    assert imported.num_moved == num_moved
    assert len(imported.golden) == 1 + num_moved


def test_an_image_near_to_a_holdout_sample_is_left_out_with_a_reason(settings: Settings) -> None:
    first, other, distance = _near_pair()
    split = SplitSettings(near_duplicate_distance=distance)
    parts: dict[PartName, list[LabelledImage]] = {"train": [LabelledImage(lambda: other, "blue", "other")]}
    with open_state(settings) as state:
        known = NewSample(state.blobs.put(first), _hash(first), "direct", "somebody", "blue", split="holdout")
        state.database.write(lambda connection: add_sample(connection, known, ["blue"], split))
        imported = import_images(state, parts, ["blue"], replace(settings.train(), split=split))
    assert imported.train == ()
    [(name, reason)] = imported.left_out
    assert name == "other"
    assert "holdout" in reason


def _picture(state: State, label: str, source: str, *, is_trusted: bool) -> bytes:
    """Add a labelled picture, and return its bytes."""
    content, _, _ = _near_pair()
    known = NewSample(
        state.blobs.put(content), _hash(content), "direct", source, label, is_trusted, split="train"
    )
    state.database.write(lambda connection: add_sample(connection, known, ["blue", "red"], SplitSettings()))
    return content


def _imported_as(label: str, content: bytes, state: State, settings: Settings) -> Imported:
    parts: dict[PartName, list[LabelledImage]] = {"train": [LabelledImage(lambda: content, label, "picture")]}
    return import_images(state, parts, ["blue", "red"], settings.train())


def test_a_folder_decides_over_a_source_that_nobody_trusts(settings: Settings) -> None:
    with open_state(settings) as state:
        content = _picture(state, "blue", "clinic", is_trusted=False)
        imported = _imported_as("red", content, state, settings)
    [sample] = imported.train
    assert (sample.label, sample.is_trusted, imported.left_out) == ("red", True, ())


def test_an_image_that_a_trusted_source_called_otherwise_waits_for_a_person(settings: Settings) -> None:
    with open_state(settings) as state:
        content = _picture(state, "blue", "clinic", is_trusted=True)
        imported = _imported_as("red", content, state, settings)
        assert imported.train == ()
        assert imported.left_out == (
            ("picture", "a trusted source called it blue, and nobody has settled which is right"),
        )
        with state.database.read() as connection:
            (dispute,) = open_disputes(connection)
        assert dispute.source == "train"
        state.database.write(lambda connection: settle(connection, dispute.id, "blue", "eve"))
        # From now on it is what it was settled as, whatever the folder says.
        assert [sample.label for sample in _imported_as("red", content, state, settings).train] == ["blue"]


def test_an_image_whose_label_somebody_contradicts_stays(settings: Settings) -> None:
    content, _, _ = _near_pair()
    with open_state(settings) as state:
        before = _imported_as("red", content, state, settings)
        for source, is_trusted in (("clinic", False), ("eve", True)):
            _picture(state, "blue", source, is_trusted=is_trusted)
        assert _imported_as("red", content, state, settings) == before
    assert [sample.label for sample in before.train] == ["red"]


def test_a_folder_may_correct_itself(settings: Settings) -> None:
    content, _, _ = _near_pair()
    with open_state(settings) as state:
        _imported_as("red", content, state, settings)
        assert [sample.label for sample in _imported_as("blue", content, state, settings).train] == ["blue"]
