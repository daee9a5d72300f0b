"""The main path, over HTTP: predict, label, look, move production, ask for rounds, delete."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from vision.labels import clean_label

JPEG = {"Content-Type": "image/jpeg"}

pytestmark = pytest.mark.anyio


async def _predict(client: Any, content: bytes) -> dict[str, Any]:
    answer = await client.post("/v1/predict", content=content, headers=JPEG)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def test_an_image_is_answered_with_its_likeliest_classes(run: Any, serving: Any, picture: Any) -> None:
    async with run(serving) as api:
        raw = await _predict(api.client, picture())
        multipart = await api.client.post("/v1/predict", files={"image": ("a.jpg", picture(), "image/jpeg")})
    assert raw["model_version"] == "v1"
    assert raw["label"] == raw["top"][0]["label"]
    assert raw["confidence"] == raw["top"][0]["confidence"] == max(g["confidence"] for g in raw["top"])
    assert sum(guess["confidence"] for guess in raw["top"]) == pytest.approx(1.0)
    assert multipart.json()["top"] == raw["top"]
    assert multipart.json()["prediction_id"] != raw["prediction_id"]


async def test_a_body_is_known_by_its_bytes_whatever_it_is_called(
    run: Any, serving: Any, picture: Any
) -> None:
    async with run(serving) as api:
        # What curl calls everything.
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        for sent_as in (headers, {}, {"Content-Type": "text/plain"}, {"Content-Type": "application/json"}):
            answer = await api.client.post("/v1/predict", content=picture(), headers=sent_as)
            assert answer.status_code == 200, answer.text
        label = f'{{"prediction_id": "{answer.json()["prediction_id"]}", "label": "red"}}'
        stored = await api.client.post("/v1/feedback", content=label, headers=headers)
        assert stored.status_code == 201, stored.text
        refused = await api.client.post("/v1/rounds", content="{}", headers=headers)
        assert "sent as application/x-www-form-urlencoded" in refused.json()["error"]["message"]


async def test_a_part_needs_no_file_name_to_be_an_image(run: Any, serving: Any, picture: Any) -> None:
    form = {"Content-Type": "multipart/form-data; boundary=x"}
    named = b'Content-Disposition: form-data; name="image"'
    async with run(serving) as api:
        for part in (
            named + b"; filename*=UTF-8''caf%C3%A9.jpg",
            named + b"\r\nContent-Type: image/jpeg",
            named,
            named + b'; filename=""',
        ):
            body = b"--x\r\n" + part + b"\r\n\r\n" + picture() + b"\r\n--x--\r\n"
            answer = await api.client.post("/v1/predict", content=body, headers=form)
            assert answer.status_code == 200, answer.text


async def test_a_large_part_needs_no_temporary_folder(
    run: Any, serving: Any, picture: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "missing"))
    # A JPEG may be followed by anything.
    content = picture() + bytes(3 * 2**20)
    async with run(serving) as api:
        answer = await api.client.post("/v1/predict", files={"image": content})
        stored = await api.client.post("/v1/feedback", files={"image": content}, data={"label": "red"})
    assert (answer.status_code, stored.status_code) == (200, 201)


async def test_answers_are_not_guessed_at_and_not_kept_unless_they_say_so(
    run: Any, serving: Any, picture: Any
) -> None:
    async with run(serving) as api:
        prediction = await _predict(api.client, picture())
        for path, kept in (
            ("/v1/status", "no-store"),
            ("/metrics", "no-store"),
            ("/v1/rounds/9", "no-store"),
            ("/nowhere", "no-store"),
            (f"/v1/predictions/{prediction['prediction_id']}/image", "private, max-age=3600"),
            ("/", "no-cache"),
        ):
            answer = await api.client.get(path)
            assert answer.headers["Cache-Control"] == kept, path
            assert answer.headers["X-Content-Type-Options"] == "nosniff", path


async def test_a_temperature_softens_the_confidence_only(
    run: Any, store: Any, artifacts: Any, picture: Any
) -> None:
    store.promote(store.add(artifacts[0]))
    async with run(store) as api:
        sharp = await _predict(api.client, picture())
        store.promote(store.add(replace(artifacts[0], temperature=4.0), parent="v1"))
        await api.services.hot_swap.look()
        soft = await _predict(api.client, picture())
    assert soft["label"] == sharp["label"]
    assert 1 / 3 < soft["confidence"] < sharp["confidence"]


async def test_a_bad_image_of_a_batch_is_an_error_in_its_place(run: Any, serving: Any, picture: Any) -> None:
    contents = [picture(1), b"no image", picture(2, "PNG"), b""]
    files = [("images", (f"{i}", content, "image/jpeg")) for i, content in enumerate(contents)]
    async with run(serving) as api:
        answer = await api.client.post("/v1/predict/batch", files=files)
    assert answer.status_code == 200
    first, second, third, fourth = answer.json()["predictions"]
    assert first["label"]
    assert third["label"]
    assert second["error"]["code"] == "not_an_image"
    assert fourth["error"]["code"] == "empty_image"


async def test_a_label_for_a_prediction_makes_a_volunteered_sample(
    run: Any, serving: Any, picture: Any
) -> None:
    async with run(serving) as api:
        prediction = await _predict(api.client, picture())
        sent = {"prediction_id": prediction["prediction_id"], "label": " red "}
        answer = await api.client.post("/v1/feedback", json=sent)
        assert answer.status_code == 201, answer.text
        assert answer.json()["status"] == "accepted"
        again = await api.client.post("/v1/feedback", json=sent)
        assert again.json()["status"] == "duplicate"
        corrected = await api.client.post("/v1/feedback", json=sent | {"label": "blue"})
        assert corrected.json()["status"] == "corrected"
        unknown = await api.client.post("/v1/feedback", json=sent | {"label": "grene"})
        assert unknown.json()["status"] == "quarantined"
        assert unknown.json()["nearest_class"] == "green"
        # The label that somebody knows stays in force.
        assert unknown.json()["num_pending"] == 1
    with serving.database.read() as connection:
        from store.samples.samples import samples_by_id

        (sample,) = samples_by_id(connection, [answer.json()["sample_id"]])
    assert sample.origin == "volunteered"
    assert sample.source == "local"
    assert sample.predicted_label == prediction["label"]


async def test_every_class_that_status_lists_can_be_sent_as_a_label(
    run: Any, store: Any, artifacts: Any, picture: Any
) -> None:
    sent = ("cafe\u0301 ", 'it\'s "odd" & 50%', "\u05db\u05dc\u05d1")
    artifact = replace(artifacts[0], class_names=tuple(sorted(clean_label(name) for name in sent)))
    store.promote(store.add(artifact))
    async with run(store) as api:
        listed = (await api.client.get("/v1/status")).json()["classes"]
        assert listed == list(artifact.class_names)
        for number, label in enumerate([*listed, *sent, "CAF\u00c9"]):
            part = {"image": ("image.jpg", picture(number), "image/jpeg")}
            answer = await api.client.post("/v1/feedback", files=part, data={"label": label})
            assert answer.json()["status"] == "accepted", label
        part = {"image": ("image.jpg", picture(99), "image/jpeg")}
        answer = await api.client.post("/v1/feedback", files=part, data={"label": "qwertz"})
        assert (answer.json()["status"], answer.json()["nearest_class"]) == ("quarantined", None)


async def test_an_image_with_its_label_makes_a_direct_sample(run: Any, serving: Any, picture: Any) -> None:
    from store.samples.samples import samples_by_id

    async with run(serving) as api:
        answer = await api.client.post(
            "/v1/feedback", files={"image": picture()}, data={"label": "red", "group": "patient 7"}
        )
    assert answer.status_code == 201, answer.text
    with serving.database.read() as connection:
        (sample,) = samples_by_id(connection, [answer.json()["sample_id"]])
    assert (sample.origin, sample.group, sample.label) == ("direct", "patient 7", "red")
    assert serving.blobs.get(sample.sha256) == picture()


async def test_a_promotion_is_followed_and_a_roll_back_pauses_learning(
    run: Any, serving: Any, picture: Any
) -> None:
    async with run(serving) as api:
        moved = await api.client.post("/v1/models/v2/promote", json={"reason": "better at night"})
        assert moved.json() == moved.json() | {"from_version": "v1", "to_version": "v2", "actor": "local"}
        assert moved.json()["reason"] == "better at night"
        await api.services.hot_swap.look()
        assert (await _predict(api.client, picture()))["model_version"] == "v2"
        models = (await api.client.get("/v1/models?limit=1")).json()["models"]
        assert [(row["version"], row["is_production"]) for row in models] == [("v2", True)]
        assert (await api.client.get("/v1/models?before=2")).json()["models"][0]["version"] == "v1"
        back = await api.client.post("/v1/rollback")
        assert (back.json()["to_version"], back.json()["learning_paused"]) == ("v1", True)
        assert (await api.client.post("/v1/learning/resume")).json() == {"paused": None}
        paused = await api.client.post("/v1/learning/pause", json={"reason": "holidays"})
        assert paused.json()["paused"]["reason"] == "holidays"


async def test_a_round_is_requested_shown_and_cancelled(run: Any, serving: Any) -> None:
    async with run(serving) as api:
        requested = await api.client.post("/v1/rounds")
        assert requested.status_code == 202, requested.text
        number = requested.json()["id"]
        again = await api.client.post("/v1/rounds")
        assert (again.status_code, again.json()["error"]["code"]) == (409, "round_in_progress")
        assert (await api.client.get("/v1/rounds")).json()["rounds"][0]["state"] == "requested"
        assert (await api.client.post(f"/v1/rounds/{number}/approve")).status_code == 409
        cancelled = await api.client.post(f"/v1/rounds/{number}/cancel")
        assert cancelled.json()["state"] == "cancelled"
        assert (await api.client.get(f"/v1/rounds/{number}")).json()["steps"][-1]["step"] == "cancelled"


async def test_deleting_removes_the_bytes(run: Any, serving: Any, picture: Any) -> None:
    from service.inference.images import sha256_of

    async with run(serving) as api:
        prediction = await _predict(api.client, picture())
        sent = {"prediction_id": prediction["prediction_id"], "label": "red"}
        sample_id = (await api.client.post("/v1/feedback", json=sent)).json()["sample_id"]
        gone = await api.client.delete(f"/v1/predictions/{prediction['prediction_id']}")
        assert gone.json() == gone.json() | {"sample_id": sample_id, "num_blobs_deleted": 0}
        gone = await api.client.delete(f"/v1/samples/{sample_id}")
        assert gone.json() == {"sample_id": sample_id, "versions": [], "num_blobs_deleted": 1}
        assert not serving.blobs.exists(sha256_of(picture()))
        answer = await api.client.post("/v1/feedback", json=sent)
        assert (answer.status_code, answer.json()["error"]["code"]) == (410, "prediction_gone")


async def test_status_names_production_classes_and_workers(run: Any, serving: Any) -> None:
    async with run(serving) as api:
        status = (await api.client.get("/v1/status")).json()
    assert status == status | {"production": "v1", "device": "cpu", "classes": ["blue", "green", "red"]}
    assert status == status | {"num_pending": 0, "threshold": 500, "round": None}
    assert [worker["version"] for worker in status["workers"]] == ["v1"]


async def test_without_a_version_the_server_is_alive_and_not_ready(
    run: Any, store: Any, picture: Any
) -> None:
    async with run(store) as api:
        assert (await api.client.get("/livez")).status_code == 200
        for answer in (
            await api.client.get("/readyz"),
            await api.client.post("/v1/predict", content=picture(), headers=JPEG),
            await api.client.post("/v1/feedback", files={"image": picture()}, data={"label": "red"}),
        ):
            assert (answer.status_code, answer.json()["error"]["code"]) == (503, "not_ready")
            assert answer.headers["Retry-After"]
        assert (await api.client.get("/v1/status")).json()["production"] is None


async def test_the_dashboard_is_served(run: Any, serving: Any) -> None:
    async with run(serving) as api:
        page = await api.client.get("/")
    assert page.status_code == 200
    assert "default-src 'self'" in page.headers["Content-Security-Policy"]
