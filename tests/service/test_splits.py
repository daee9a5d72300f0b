"""No client can choose, foresee or learn the split of an image, over HTTP."""

from typing import Any

import pytest
from scipy.stats import binom  # type: ignore[attr-defined]  # SciPy comes without types
from sqlalchemy import select

from service.inference.images import sha256_of
from store.database.schema import held_out_images, samples

JPEG = {"Content-Type": "image/jpeg"}
NUM = 200

pytestmark = pytest.mark.anyio


async def test_groups_and_variants_of_an_image_are_split_as_chance_has_it(
    run: Any, serving: Any, picture: Any
) -> None:
    """Each count is right with p = 1 - 1e-6; the store's secret is another in each run."""
    low, high = binom.interval(1 - 1e-6, NUM, 0.2)
    # What follows a JPEG's end is not decoded: 200 pictures of one thing, each with bytes of its own.
    variants = [picture() + f"{number}".encode() for number in range(NUM)]
    grouped = [picture() + f"of a group {number}".encode() for number in range(NUM)]
    async with run(serving) as api:
        for content in variants:
            assert (await api.client.post("/v1/predict", content=content, headers=JPEG)).status_code == 200
        for number, content in enumerate(grouped):
            path = f"/v1/predict?group=group-{number}"
            assert (await api.client.post(path, content=content, headers=JPEG)).status_code == 200
        # One image in 200 groups: the first of them decided.
        for number in range(NUM):
            await api.client.post(f"/v1/predict?group={number}", content=variants[0], headers=JPEG)
        # The same image with its label, each time of another group, stays where it is too.
        for number in range(20):
            sent = {"label": "red", "group": f"label-{number}"}
            await api.client.post("/v1/feedback", files={"image": variants[number]}, data=sent)
        await api.services.log.close()
    with serving.database.read() as connection:
        held_out = set(connection.scalars(select(held_out_images.c.sha256)))
        labelled = set(connection.scalars(select(samples.c.split)))
    assert low <= sum(sha256_of(content) in held_out for content in variants) <= high
    assert low <= sum(sha256_of(content) in held_out for content in grouped) <= high
    # Near-duplicates share a split: that of the first that was labelled.
    assert len(labelled) == 1
