"""Images that become samples are decoded, hashed and stored off the event loop."""

import asyncio
import io
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

from service.feedback import image_storage
from service.feedback.image_storage import MAX_DECODING_THREADS, ImageStorage
from store.blobs.blob_store import BlobStore
from store.errors import BlobsUnavailableError
from vision.decoding import ImageLimits, decode_grey
from vision.errors import ImageError
from vision.perceptual_hash import perceptual_hash

Picture = Callable[..., bytes]
LIMITS = ImageLimits(max_pixels=10_000)

pytestmark = pytest.mark.anyio


@pytest.fixture
def blobs(tmp_path: Path) -> Iterator[BlobStore]:
    store = BlobStore(str(tmp_path / "blobs"))
    yield store
    store.close()


async def test_many_images_at_once_are_all_stored_with_their_hashes(
    blobs: BlobStore, picture: Picture
) -> None:
    contents = [picture(number, kind) for number, kind in enumerate(("JPEG", "PNG", "WEBP") * 8)]
    storage = ImageStorage(blobs, LIMITS)
    stored = await asyncio.gather(*map(storage.store, contents))
    assert [blobs.get(each.sha256) for each in stored] == contents
    assert [each.phash for each in stored] == [
        perceptual_hash(decode_grey(content, LIMITS)) for content in contents
    ]


async def test_only_some_are_held_decoded_at_once(
    blobs: BlobStore, picture: Picture, monkeypatch: pytest.MonkeyPatch
) -> None:
    num_now = max_num = 0

    def counted(*arguments: object) -> int:
        nonlocal num_now, max_num
        num_now += 1
        max_num = max(max_num, num_now)
        try:
            return perceptual_hash(*arguments)  # type: ignore[arg-type]  # as it was called
        finally:
            num_now -= 1

    monkeypatch.setattr(image_storage, "perceptual_hash", counted)
    storage = ImageStorage(blobs, LIMITS)
    await asyncio.gather(*(storage.store(picture(number)) for number in range(40)))
    assert 1 <= max_num <= MAX_DECODING_THREADS


async def test_a_bad_image_is_refused_and_nothing_is_stored(blobs: BlobStore, picture: Picture) -> None:
    wide = io.BytesIO()
    Image.new("RGB", (200, 100)).save(wide, "PNG")
    storage = ImageStorage(blobs, LIMITS)
    for content in (b"", b"GIF89a", picture(0)[:-200], wide.getvalue()):
        with pytest.raises(ImageError):
            await storage.store(content)
    assert list(blobs.names()) == []


async def test_a_store_that_can_t_be_written_is_an_error(tmp_path: Path, picture: Picture) -> None:
    (tmp_path / "blobs").touch()
    blobs = BlobStore(str(tmp_path / "blobs"))
    with pytest.raises(BlobsUnavailableError):
        await ImageStorage(blobs, LIMITS).store(picture())
    blobs.close()
