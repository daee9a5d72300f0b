"""The log is searched over HTTP, versions are compared, and a sample's image is shown."""

from typing import Any

import pytest

from tests.service.error_shape import check_shape

pytestmark = pytest.mark.anyio
JPEG = {"Content-Type": "image/jpeg"}


async def test_predictions_are_listed_newest_first_and_searched(run: Any, serving: Any, picture: Any) -> None:
    async with run(serving) as api:
        asked = [
            (await api.client.post("/v1/predict", content=picture(number), headers=JPEG)).json()
            for number in range(3)
        ]
        await api.services.log.written(asked[-1]["prediction_id"])
        page = (await api.client.get("/v1/predictions?limit=2")).json()
        rest = (await api.client.get(f"/v1/predictions?limit=2&before={page['before']}")).json()
        none = (await api.client.get("/v1/predictions?label=nobody")).json()
        later = (await api.client.get("/v1/predictions?since=2100-01-01T00:00:00Z")).json()
    shown = [each["id"] for each in page["predictions"] + rest["predictions"]]
    # Those of one millisecond have no order.
    assert set(shown) == {each["prediction_id"] for each in asked}
    assert len(shown) == 3
    assert rest["before"] is None
    assert page["predictions"][0]["source"] == "local"
    assert none["predictions"] == later["predictions"] == []


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=201", "before=nonsense", "min_confidence=2", "outcome=maybe", "since=noon"]
)
async def test_a_search_that_can_not_be_is_refused(run: Any, serving: Any, query: str) -> None:
    async with run(serving) as api:
        answer = await api.client.get(f"/v1/predictions?{query}")
    assert answer.status_code == 400
    assert check_shape(answer)["code"] == "malformed"


async def test_a_samples_image_is_shown_until_the_sample_is_deleted(
    run: Any, serving: Any, picture: Any
) -> None:
    async with run(serving) as api:
        sent = await api.client.post("/v1/feedback", files={"image": picture()}, data={"label": "red"})
        address = f"/v1/samples/{sent.json()['sample_id']}"
        shown = await api.client.get(f"{address}/image")
        await api.client.delete(address)
        gone = await api.client.get(f"{address}/image")
    assert (shown.content, shown.headers["content-type"]) == (picture(), "image/jpeg")
    assert gone.status_code == 404
    assert check_shape(gone)["code"] == "unknown_sample"


async def test_versions_that_were_never_asked_the_same_have_nothing_to_compare(
    run: Any, serving: Any
) -> None:
    async with run(serving) as api:
        compared = (await api.client.get("/v1/models/v2/comparison?other=v1")).json()
        unknown = await api.client.get("/v1/models/v2/comparison?other=v9")
        unnamed = await api.client.get("/v1/models/v2/comparison")
        moves = (await api.client.get("/v1/accuracy")).json()["moves"]
    assert (compared["slices"], compared["classes"], compared["flips"]) == ([], [], [])
    assert (unknown.status_code, unnamed.status_code) == (404, 400)
    assert [(move["version"], move["old"]) for move in moves] == [("v1", None)]
