"""Sources over HTTP: what is told of them, and that a quarantine takes effect at once."""

from pathlib import Path
from typing import Any

import pytest

from service.keys import add_key
from service.settings import AccessSettings, ServiceSettings
from tests.service.error_shape import check_shape
from tests.store.source_work import name_mallory

CLASSES = ("blue", "green", "red")
pytestmark = pytest.mark.anyio


async def test_sources_are_listed_with_what_a_round_found_and_their_images(
    run: Any, serving: Any, picture: Any
) -> None:
    content = picture(1)
    sha256 = serving.blobs.put(content)
    sample_id = serving.database.write(lambda c: name_mallory(c, CLASSES, sha256))
    async with run(serving) as api:
        ann, mallory = (await api.client.get("/v1/sources")).json()["sources"]
        assert (ann["name"], ann["review"]["is_named"], ann["quarantine"]) == ("ann", False, None)
        assert mallory["review"]["doubtful"] == [sample_id]
        assert (mallory["review"]["is_named"], mallory["review"]["sentence"]) == (True, "Named: for a test.")
        image = await api.client.get(f"/v1/sources/mallory/images/{sample_id}")
        assert (image.content, image.headers["Content-Type"]) == (content, "image/jpeg")
        other = await api.client.get(f"/v1/sources/ann/images/{sample_id}")
        assert (other.status_code, check_shape(other)["code"]) == (404, "unknown_sample")


async def test_a_quarantine_takes_effect_at_once_and_a_release_undoes_it(
    run: Any, serving: Any, picture: Any
) -> None:
    sha256 = serving.blobs.put(picture(1))
    serving.database.write(lambda c: name_mallory(c, CLASSES, sha256))
    async with run(serving) as api:
        before = (await api.client.get("/v1/status")).json()["num_pending"]
        done = await api.client.post("/v1/sources/mallory/quarantine", json={"reason": "flips labels"})
        assert done.status_code == 200
        assert done.json()["num_changed"] == 1
        assert done.json()["source"]["quarantine"]["reason"] == "flips labels"
        assert (await api.client.get("/v1/status")).json()["num_pending"] == before - 1
        released = await api.client.post("/v1/sources/mallory/release")
        assert (released.json()["num_changed"], released.json()["source"]["quarantine"]) == (1, None)
        assert (await api.client.get("/v1/status")).json()["num_pending"] == before


async def test_what_cannot_be_decided_is_refused_with_its_remedy(
    run: Any, serving: Any, picture: Any
) -> None:
    sha256 = serving.blobs.put(picture(1))
    serving.database.write(lambda c: name_mallory(c, CLASSES, sha256))
    async with run(serving) as api:
        for path, status, code in (
            ("/v1/sources/nobody/quarantine", 404, "unknown_source"),
            ("/v1/sources/a%2Fb/quarantine", 404, "unknown_source"),
            ("/v1/sources/train/quarantine", 404, "unknown_source"),
            ("/v1/sources/mallory/release", 409, "not_quarantined"),
            ("/v1/sources/a%00b/quarantine", 404, "unknown_id"),
            (f"/v1/sources/{'x' * 200}/quarantine", 404, "unknown_id"),
        ):
            refused = await api.client.post(path)
            assert (refused.status_code, check_shape(refused)["code"]) == (status, code), path


async def test_looking_takes_a_key_that_reads_and_deciding_one_of_an_admin(
    run: Any, serving: Any, picture: Any, tmp_path: Path
) -> None:
    sha256 = serving.blobs.put(picture(1))
    serving.database.write(lambda c: name_mallory(c, CLASSES, sha256))
    file = tmp_path / "keys.json"
    reader, chief = (
        {"Authorization": f"Bearer {add_key(file, scope, [scope])}"} for scope in ("read", "admin")
    )
    settings = ServiceSettings(access=AccessSettings(keys_file=file))
    async with run(serving, settings, peer="8.8.8.8") as api:
        assert (await api.client.get("/v1/sources", headers=reader)).status_code == 200
        refused = await api.client.post("/v1/sources/mallory/quarantine", headers=reader)
        assert (refused.status_code, check_shape(refused)["code"]) == (403, "forbidden")
        done = await api.client.post("/v1/sources/mallory/quarantine", headers=chief)
        assert done.json()["source"]["quarantine"]["by"] == "admin"
