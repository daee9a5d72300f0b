"""Alarms are listed, shown with their images, and acted on over HTTP."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from service.keys import add_key
from service.settings import AccessSettings, ServiceSettings
from store.alarms import AlarmImage
from store.drift_references import current_reference
from store.predictions.prediction_ids import new_prediction_id
from tests.service.error_shape import check_shape
from tests.store.alarm_work import begun, raised
from tests.store.log_work import NOON

pytestmark = pytest.mark.anyio


async def test_an_alarm_is_listed_and_shown_with_its_images(
    serving: Any, run: Any, picture: Callable[..., bytes]
) -> None:
    night, day = (serving.blobs.put(picture(number)) for number in (1, 2))
    raised(serving.database, names=())
    image = AlarmImage(night, new_prediction_id(NOON), day)
    alarm = raised(serving.database, "class_mix", images=[image])
    async with run(serving) as running:
        listed = (await running.client.get("/v1/alarms")).json()
        shown = (await running.client.get(f"/v1/alarms/{alarm.id}")).json()
        status = (await running.client.get("/v1/status")).json()
        older = (await running.client.get("/v1/alarms", params={"before": alarm.id})).json()
        pictures = [
            await running.client.get(f"/v1/alarms/{alarm.id}/images/{sha256}") for sha256 in (night, day)
        ]
        other = await running.client.get(f"/v1/alarms/{alarm.id - 1}/images/{night}")
    assert [each["id"] for each in listed["alarms"]] == [alarm.id, alarm.id - 1]
    assert (listed["num_open"], status["num_alarms"]) == (2, 2)
    assert shown == listed["alarms"][0]
    assert (shown["kind"], shown["state"], shown["sentence"]) == ("class_mix", "open", alarm.sentence)
    assert shown["images"] == [{"sha256": night, "prediction_id": image.prediction_id, "nearest_sha256": day}]
    assert [each["id"] for each in older["alarms"]] == [alarm.id - 1]
    assert [each.content for each in pictures] == [picture(1), picture(2)]
    assert pictures[0].headers["content-type"] == "image/jpeg"
    assert other.status_code == 404
    check_shape(other)


async def test_a_person_acknowledges_then_accepts_and_both_are_told(serving: Any, run: Any) -> None:
    before = begun(serving.database)
    alarm = raised(serving.database, names=())
    async with run(serving) as running:
        seen = await running.client.post(f"/v1/alarms/{alarm.id}/ack", json={"reason": "the lamp"})
        status = (await running.client.get("/v1/status")).json()
        accepted = await running.client.post(f"/v1/alarms/{alarm.id}/accept", json={"reason": "new lamp"})
        again = await running.client.post(f"/v1/alarms/{alarm.id}/ack")
    assert seen.status_code == 200
    assert [seen.json()[name] for name in ("state", "reason", "acted_by", "ended")] == [
        "acknowledged",
        "the lamp",
        "local",
        None,
    ]
    assert status["num_alarms"] == 0
    assert (accepted.json()["state"], accepted.json()["reason"]) == ("accepted", "new lamp")
    assert again.status_code == 409
    assert again.json()["error"]["code"] == "alarm_ended"
    check_shape(again)
    with serving.database.read() as connection:
        reference = current_reference(connection)
    assert reference is not None
    assert reference.id > before.id


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/alarms/7", 404),
        ("POST", "/v1/alarms/7/ack", 404),
        ("POST", "/v1/alarms/7/accept", 404),
        ("GET", "/v1/alarms/nonsense", 404),
        ("GET", "/v1/alarms?limit=0", 400),
        ("GET", "/v1/alarms/7/images/nonsense", 404),
    ],
)
async def test_what_names_no_alarm_gets_the_one_shape_of_errors(
    serving: Any, run: Any, method: str, path: str, status: int
) -> None:
    async with run(serving) as running:
        answer = await running.client.request(method, path)
    assert answer.status_code == status
    check_shape(answer)


async def test_reading_takes_a_key_to_read_and_acting_one_to_administrate(
    serving: Any, run: Any, tmp_path: Path
) -> None:
    file = tmp_path / "keys.json"
    secrets = {name: add_key(file, name, [name]) for name in ("read", "admin")}
    alarm = raised(serving.database, names=())
    settings = ServiceSettings(access=AccessSettings(keys_file=file))

    def bearing(name: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {secrets[name]}"}

    async with run(serving, settings) as running:
        read = await running.client.get("/v1/alarms", headers=bearing("read"))
        refused = [
            await running.client.post(f"/v1/alarms/{alarm.id}/{act}", headers=bearing("read"))
            for act in ("ack", "accept")
        ]
        acted = await running.client.post(f"/v1/alarms/{alarm.id}/ack", headers=bearing("admin"))
    assert read.status_code == 200
    assert [answer.status_code for answer in refused] == [403, 403]
    assert (acted.status_code, acted.json()["acted_by"]) == (200, "admin")
    assert acted.json()["reason"] == "By admin, without a reason."
