"""A label that somebody contradicts stays, is listed, and is settled over HTTP."""

from pathlib import Path
from typing import Any

import pytest

from service.keys import add_key
from service.settings import AccessSettings, ServiceSettings
from store.samples.new_samples import NewSample
from store.samples.sample import Sample
from store.samples.samples import add_samples
from store.samples.splits import SplitSettings
from store.slices import add_slice, golden_slice, slice_samples
from tests.service.error_shape import check_shape
from vision.decoding import ImageLimits, decode_image
from vision.perceptual_hash import perceptual_hash

CLASSES = ("blue", "green", "red")
NUM_GOLDEN = 12

pytestmark = pytest.mark.anyio


@pytest.fixture
def keys(tmp_path: Path) -> dict[str, dict[str, str]]:
    """Return the headers of keys: two that nobody trusts, a trusted one, a reader and an administrator."""
    file = tmp_path / "keys.json"
    made = {
        "clinic": add_key(file, "clinic", ["feedback"]),
        "ward": add_key(file, "ward", ["feedback"]),
        "expert": add_key(file, "expert", ["feedback"], trusted=True),
        "reader": add_key(file, "reader", ["read"]),
        "chief": add_key(file, "chief", ["feedback", "admin"]),
    }
    return {name: {"Authorization": f"Bearer {key}"} for name, key in made.items()}


@pytest.fixture
def settings(tmp_path: Path) -> ServiceSettings:
    return ServiceSettings(access=AccessSettings(keys_file=tmp_path / "keys.json"))


@pytest.fixture
def golden(serving: Any, picture: Any) -> list[bytes]:
    """Return the images of the golden slice, all of them red."""
    contents = [picture(number) for number in range(NUM_GOLDEN)]
    arrived = [
        NewSample(
            sha256=serving.blobs.put(content),
            phash=perceptual_hash(decode_image(content, ImageLimits())),
            origin="initial",
            source="train",
            label="red",
            is_trusted=True,
            split="golden",
        )
        for content in contents
    ]

    def work(connection: Any) -> None:
        outcomes = add_samples(connection, arrived, CLASSES, SplitSettings())
        add_slice(connection, golden_slice(1), 1, None, [outcome.sample_id for outcome in outcomes])

    serving.database.write(work)
    return contents


def golden_of(serving: Any) -> list[Sample]:
    with serving.database.read() as connection:
        return slice_samples(connection, golden_slice(1))


async def contradict(api: Any, image: bytes, label: str, headers: dict[str, str]) -> dict[str, Any]:
    answer = await api.client.post(
        "/v1/feedback", files={"image": image}, data={"label": label}, headers=headers
    )
    assert answer.status_code == 201
    return dict(answer.json())


@pytest.mark.parametrize("who", ["clinic", "expert", "chief"])
async def test_a_key_that_contradicts_every_golden_image_leaves_golden_whole(
    run: Any, serving: Any, golden: list[bytes], keys: Any, settings: ServiceSettings, who: str
) -> None:
    before = golden_of(serving)
    assert len(before) == NUM_GOLDEN
    async with run(serving, settings, peer="8.8.8.8") as api:
        statuses = [(await contradict(api, image, "blue", keys[who]))["status"] for image in golden]
        assert statuses == ["conflict"] * NUM_GOLDEN
        assert golden_of(serving) == before
        listed = (await api.client.get("/v1/disputes", headers=keys["reader"])).json()
        assert listed["num_disputes"] == len(listed["disputes"]) == NUM_GOLDEN
        status = (await api.client.get("/v1/status", headers=keys["reader"])).json()
        assert (status["num_disputes"], status["num_conflicts"]) == (NUM_GOLDEN, 0)


async def test_a_dispute_is_listed_with_its_image_and_settled(
    run: Any, serving: Any, golden: list[bytes], keys: Any, settings: ServiceSettings
) -> None:
    async with run(serving, settings, peer="8.8.8.8") as api:
        await contradict(api, golden[0], "blue", keys["clinic"])
        [dispute] = (await api.client.get("/v1/disputes", headers=keys["reader"])).json()["disputes"]
        assert (dispute["label"], dispute["source"], dispute["contradiction"]) == ("red", "clinic", "blue")
        said = [(each["source"], each["label"], each["is_trusted"]) for each in dispute["said"]]
        assert said == [("train", "red", True), ("clinic", "blue", False)]
        place = f"/v1/disputes/{dispute['id']}"
        image = await api.client.get(f"{place}/image", headers=keys["reader"])
        assert (image.content, image.headers["Content-Type"]) == (golden[0], "image/jpeg")

        for who in ("clinic", "expert", "reader"):
            refused = await api.client.post(place, json={"label": "blue"}, headers=keys[who])
            assert (refused.status_code, check_shape(refused)["code"]) == (403, "forbidden")
        # Spelled as people do.
        settled = await api.client.post(place, json={"label": " Blue"}, headers=keys["chief"])
        assert settled.status_code == 200
        assert (settled.json()["label"], settled.json()["settled_by"]) == ("blue", "chief")
        assert (await api.client.get("/v1/disputes", headers=keys["reader"])).json() == {
            "disputes": [],
            "num_disputes": 0,
        }
        assert [sample.label for sample in golden_of(serving)] == ["blue"] + ["red"] * (NUM_GOLDEN - 1)
        assert (await contradict(api, golden[0], "red", keys["expert"]))["status"] == "conflict"
        assert golden_of(serving)[0].label == "blue"


async def test_a_settlement_that_cannot_be_made_is_refused_with_its_remedy(
    run: Any, serving: Any, golden: list[bytes]
) -> None:
    async with run(serving) as api:
        await contradict(api, golden[0], "blue", {})
        [dispute] = (await api.client.get("/v1/disputes")).json()["disputes"]
        place = f"/v1/disputes/{dispute['id']}"
        for sent, code in (
            ({"label": "blu"}, (422, "invalid_label")),
            ({"label": ""}, (422, "invalid_label")),
            ({}, (400, "malformed")),
            ({"label": "blue", "why": "so"}, (400, "malformed")),
        ):
            refused = await api.client.post(place, json=sent)
            assert (refused.status_code, check_shape(refused)["code"]) == code
        assert (await api.client.get("/v1/status")).json()["num_disputes"] == 1
        for answer in (
            await api.client.post("/v1/disputes/999", json={"label": "blue"}),
            await api.client.get("/v1/disputes/999/image"),
        ):
            assert (answer.status_code, check_shape(answer)["code"]) == (404, "unknown_dispute")


async def test_without_keys_this_machine_is_trusted_and_may_correct_itself(
    run: Any, serving: Any, picture: Any, golden: list[bytes]
) -> None:
    async with run(serving) as api:
        assert (await contradict(api, picture(99), "blue", {}))["status"] == "accepted"
        assert (await contradict(api, picture(99), "green", {}))["status"] == "corrected"
        # What `train` imported is another source's.
        assert (await contradict(api, golden[0], "green", {}))["status"] == "conflict"
        assert golden_of(serving)[0].label == "red"


async def test_a_trusted_key_decides_where_others_disagree(
    run: Any, serving: Any, picture: Any, keys: Any, settings: ServiceSettings
) -> None:
    async with run(serving, settings, peer="8.8.8.8") as api:
        await contradict(api, picture(99), "blue", keys["clinic"])
        assert (await contradict(api, picture(99), "green", keys["ward"]))["status"] == "conflict"
        status = (await api.client.get("/v1/status", headers=keys["reader"])).json()
        assert (status["num_conflicts"], status["num_disputes"], status["num_pending"]) == (1, 1, 0)
        assert (await contradict(api, picture(99), "green", keys["expert"]))["status"] == "corrected"
        status = (await api.client.get("/v1/status", headers=keys["reader"])).json()
        assert (status["num_conflicts"], status["num_disputes"], status["num_pending"]) == (0, 0, 1)
