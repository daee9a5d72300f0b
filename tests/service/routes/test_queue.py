"""What is to be labelled next is asked for blind; an answer is a label, `skip` or `none`."""

import json
from pathlib import Path
from typing import Any

import pytest

from service.keys import add_key
from service.settings import AccessSettings, ServiceSettings
from store.evidence.questions import TRIAL, ask
from store.samples.samples import samples_by_id
from store.samples.splits import SplitSettings
from tests.service.error_shape import check_shape

JPEG = {"Content-Type": "image/jpeg"}
DRAWN = ServiceSettings(split=SplitSettings(audit_fraction=1.0))
NOT_DRAWN = ServiceSettings(split=SplitSettings(audit_fraction=0.0))

pytestmark = pytest.mark.anyio


async def predict(api: Any, content: bytes) -> dict[str, Any]:
    answer = await api.client.post("/v1/predict", content=content, headers=JPEG)
    await api.services.log.written(answer.json()["prediction_id"])
    return dict(answer.json())


async def queue(api: Any) -> dict[str, Any]:
    answer = await api.client.get("/v1/queue")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def test_a_draw_is_labelled_in_the_queue_and_makes_an_audit(
    run: Any, serving: Any, picture: Any
) -> None:
    async with run(serving, DRAWN) as api:
        prediction = await predict(api, picture())
        waiting = await queue(api)
        assert (waiting["num_open"], waiting["classes"]) == (1, ["blue", "green", "red"])
        [question] = waiting["questions"]
        image = await api.client.get(f"/v1/queue/{question['id']}/image")
        assert (image.content, image.headers["content-type"]) == (picture(), "image/jpeg")
        answer = await api.client.post(f"/v1/queue/{question['id']}", json={"label": "Red "})
        assert answer.status_code == 200
        answered = answer.json()
        assert answered == {"status": "answered", "sample_id": answered["sample_id"], "num_open": 0}
        assert (await queue(api))["questions"] == []
    with serving.database.read() as connection:
        [sample] = samples_by_id(connection, [answered["sample_id"]])
    assert (sample.origin, sample.label) == ("audit", "red")
    assert sample.prediction_id == prediction["prediction_id"]
    assert sample.predicted_label == prediction["label"]


async def test_neither_a_prediction_nor_a_question_tells_what_it_is_for(
    run: Any, serving: Any, picture: Any
) -> None:
    async with run(serving, DRAWN) as api:
        prediction = await predict(api, picture())
        waiting = await queue(api)
        sent = {"prediction_id": prediction["prediction_id"], "label": "red"}
        feedback = (await api.client.post("/v1/feedback", json=sent)).json()
    assert prediction.keys() == {"prediction_id", "label", "confidence", "top", "model_version"}
    assert [question.keys() for question in waiting["questions"]] == [{"id"}]
    assert feedback.keys() == {"sample_id", "status", "num_pending", "nearest_class"}
    assert prediction["prediction_id"] not in json.dumps(waiting)


async def test_a_draw_that_somebody_labels_otherwise_is_no_audit_and_not_asked_for(
    run: Any, serving: Any, picture: Any
) -> None:
    async with run(serving, DRAWN) as api:
        first, _ = await predict(api, picture()), await predict(api, picture(1))
        sent = {"prediction_id": first["prediction_id"], "label": "red"}
        by_id = (await api.client.post("/v1/feedback", json=sent)).json()["sample_id"]
        files = {"image": picture(1)}
        by_image = (await api.client.post("/v1/feedback", files=files, data={"label": "red"})).json()
        assert (await queue(api))["num_open"] == 0
    with serving.database.read() as connection:
        origins = [sample.origin for sample in samples_by_id(connection, [by_id, by_image["sample_id"]])]
    # What was predicted here is never direct, however its label comes.
    assert origins == ["volunteered", "volunteered"]


async def test_what_a_trial_asks_for_makes_a_volunteered_sample(run: Any, serving: Any, picture: Any) -> None:
    async with run(serving, NOT_DRAWN) as api:
        await predict(api, picture())
        assert (await queue(api))["questions"] == []
        serving.database.write(lambda c: ask(c, [serving.blobs.put(picture())], TRIAL))
        [question] = (await queue(api))["questions"]
        answer = await api.client.post(f"/v1/queue/{question['id']}", json={"label": "green"})
    with serving.database.read() as connection:
        [sample] = samples_by_id(connection, [answer.json()["sample_id"]])
    assert sample.origin == "volunteered"


async def test_a_skipped_question_is_left_to_others_and_none_closes_one(
    run: Any, serving: Any, picture: Any
) -> None:
    async with run(serving, DRAWN) as api:
        for number in range(2):
            await predict(api, picture(number))
        first, second = [question["id"] for question in (await queue(api))["questions"]]
        skipped = await api.client.post(f"/v1/queue/{first}", json={"answer": "skip"})
        assert skipped.json() == {"status": "skipped", "sample_id": None, "num_open": 2}
        assert (await queue(api))["questions"] == [{"id": second}]
        none = await api.client.post(f"/v1/queue/{second}", json={"answer": "none"})
        assert none.json() == {"status": "none", "sample_id": None, "num_open": 1}
        # Whoever skipped it may answer it all the same, and an answer may be corrected.
        for label in ("red", "blue"):
            answer = await api.client.post(f"/v1/queue/{first}", json={"label": label})
            assert answer.json()["num_open"] == 0
        with serving.database.read() as connection:
            [sample] = samples_by_id(connection, [answer.json()["sample_id"]])
        assert sample.label == "blue"
        refused = await api.client.post(f"/v1/queue/{first}", json={"answer": "none"})
        assert (refused.status_code, check_shape(refused)["code"]) == (409, "already_labelled")


async def test_a_label_of_no_class_is_refused_with_the_nearest_and_nothing_is_stored(
    run: Any, serving: Any, picture: Any
) -> None:
    async with run(serving, DRAWN) as api:
        await predict(api, picture())
        [question] = (await queue(api))["questions"]
        for label, hint in (("bleu", "'blue'"), ("qwertz", "Nothing was stored")):
            refused = await api.client.post(f"/v1/queue/{question['id']}", json={"label": label})
            assert (refused.status_code, check_shape(refused)["code"]) == (422, "invalid_label")
            assert hint in refused.json()["error"]["message"]
        assert (await queue(api))["num_open"] == 1
    with serving.database.read() as connection:
        assert samples_by_id(connection, range(1, 5)) == []


@pytest.mark.parametrize(
    "sent",
    [{}, {"label": "red", "answer": "skip"}, {"answer": "maybe"}, {"label": 5}, {"label": "red", "x": 1}, []],
)
async def test_an_answer_is_exactly_one_of_three(run: Any, serving: Any, sent: Any) -> None:
    async with run(serving) as api:
        refused = await api.client.post("/v1/queue/anything", json=sent)
    assert (refused.status_code, check_shape(refused)["code"]) == (400, "malformed")


async def test_a_refused_answer_names_the_forms_that_are_taken(run: Any, serving: Any) -> None:
    async with run(serving) as api:
        answer = await api.client.post("/v1/queue/1", json={"answer": "maybe"})
    message = answer.json()["error"]["message"]
    assert "in body.label: Field required" in message
    assert "in body.answer: Input should be 'skip' or 'none'" in message
    assert "LabelAnswer" not in message


async def test_an_unknown_question_is_not_found(run: Any, serving: Any) -> None:
    async with run(serving) as api:
        for answer in (
            await api.client.get("/v1/queue/nonsense/image"),
            await api.client.post("/v1/queue/nonsense", json={"label": "red"}),
            await api.client.post("/v1/queue/nonsense", json={"answer": "skip"}),
            await api.client.post("/v1/queue/nonsense", json={"answer": "none"}),
        ):
            assert (answer.status_code, check_shape(answer)["code"]) == (404, "unknown_question")


async def test_the_queue_is_read_with_one_scope_and_answered_with_another(
    run: Any, serving: Any, tmp_path: Path
) -> None:
    file = tmp_path / "keys.json"
    keys = {scope: add_key(file, scope, [scope]) for scope in ("read", "feedback")}
    async with run(serving, ServiceSettings(access=AccessSettings(keys_file=file))) as api:
        for scope, reads, answers in (("read", 200, 403), ("feedback", 403, 404)):
            headers = {"Authorization": f"Bearer {keys[scope]}"}
            assert (await api.client.get("/v1/queue", headers=headers)).status_code == reads
            sent = {"answer": "skip"}
            answer = await api.client.post("/v1/queue/nonsense", json=sent, headers=headers)
            assert answer.status_code == answers
