"""Labels that production does not know are listed and decided over HTTP."""

from pathlib import Path
from typing import Any

import pytest

from service.keys import add_key
from service.settings import AccessSettings, ServiceSettings
from tests.service.error_shape import check_shape

pytestmark = pytest.mark.anyio


@pytest.fixture
def keys(tmp_path: Path) -> dict[str, dict[str, str]]:
    """Return the headers of keys: a client's, a reader's and an administrator's."""
    file = tmp_path / "keys.json"
    made = {
        "app": add_key(file, "app", ["feedback"]),
        "reader": add_key(file, "reader", ["read"]),
        "chief": add_key(file, "chief", ["read", "admin"]),
    }
    return {name: {"Authorization": f"Bearer {key}"} for name, key in made.items()}


@pytest.fixture
def settings(tmp_path: Path) -> ServiceSettings:
    return ServiceSettings(access=AccessSettings(keys_file=tmp_path / "keys.json"))


async def send(api: Any, image: bytes, label: str, headers: dict[str, str]) -> dict[str, Any]:
    answer = await api.client.post(
        "/v1/feedback", files={"image": image}, data={"label": label}, headers=headers
    )
    assert answer.status_code == 201
    return dict(answer.json())


async def test_unknown_labels_are_listed_with_their_images_beside_the_classes(
    run: Any, serving: Any, settings: ServiceSettings, keys: Any, picture: Any
) -> None:
    async with run(serving, settings) as api:
        sent = await send(api, picture(1), "greeen", keys["app"])
        assert (sent["status"], sent["nearest_class"]) == ("quarantined", "green")
        await send(api, picture(2), "red", keys["app"])
        listed = (await api.client.get("/v1/classes", headers=keys["reader"])).json()
        [label] = listed["unknown"]
        assert (label["name"], label["num_samples"], label["nearest"]) == ("greeen", 1, "green")
        assert label["sample_ids"] == [sent["sample_id"]]
        assert {"name": "red", "num_samples": 1} in listed["classes"]
        shown = await api.client.get(f"/v1/samples/{sent['sample_id']}/image", headers=keys["reader"])
        assert shown.content == picture(1)


async def test_an_administrator_decides_and_a_reader_may_not(
    run: Any, serving: Any, settings: ServiceSettings, keys: Any, picture: Any
) -> None:
    async with run(serving, settings) as api:
        await send(api, picture(1), "a/b", keys["app"])
        refused = await api.client.post("/v1/classes/a%2Fb/accept", headers=keys["reader"])
        assert refused.status_code == 403
        check_shape(refused)
        accepted = await api.client.post("/v1/classes/a%2Fb/accept", headers=keys["chief"])
        assert accepted.status_code == 200
        assert (accepted.json()["word"], accepted.json()["decided_by"]) == ("accepted", "chief")
        rejected = await api.client.post("/v1/classes/a%2Fb/reject", headers=keys["chief"])
        assert rejected.json()["word"] == "rejected"
        listed = await api.client.get("/v1/classes", headers=keys["reader"])
        assert listed.json()["unknown"] == []


async def test_a_merged_label_means_the_class_now_and_later(
    run: Any, serving: Any, settings: ServiceSettings, keys: Any, picture: Any
) -> None:
    async with run(serving, settings) as api:
        await send(api, picture(1), "verde", keys["app"])
        merged = await api.client.post(
            "/v1/classes/verde/merge", json={"into": "green"}, headers=keys["chief"]
        )
        assert merged.json()["merged_into"] == "green"
        assert (await send(api, picture(2), "verde", keys["app"]))["status"] == "accepted"
        listed = (await api.client.get("/v1/classes", headers=keys["reader"])).json()
        assert {"name": "green", "num_samples": 2} in listed["classes"]


async def test_what_can_not_be_decided_gets_an_error_that_says_why(
    run: Any, serving: Any, settings: ServiceSettings, keys: Any, picture: Any
) -> None:
    async with run(serving, settings) as api:
        await send(api, picture(1), "verde", keys["app"])
        unknown = await api.client.post("/v1/classes/azul/accept", headers=keys["chief"])
        assert unknown.status_code == 404
        check_shape(unknown)
        known = await api.client.post("/v1/classes/red/reject", headers=keys["chief"])
        assert known.status_code == 409
        check_shape(known)
        nowhere = await api.client.post(
            "/v1/classes/verde/merge", json={"into": "azul"}, headers=keys["chief"]
        )
        assert nowhere.status_code == 422
        check_shape(nowhere)
        empty = await api.client.post("/v1/classes/verde/merge", json={}, headers=keys["chief"])
        assert empty.status_code == 400
        check_shape(empty)
