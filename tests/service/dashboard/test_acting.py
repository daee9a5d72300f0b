"""What a person does on the pages arrives in the store."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from service.keys import add_key
from service.settings import AccessSettings, ServiceSettings
from store import learning_state
from store.alarms import AlarmImage
from store.classes.decisions import accepted_names
from store.database.schema import samples
from store.predictions.predictions import find_prediction
from store.registry import last_move
from store.samples.splits import SplitSettings
from tests.monitoring.dashboard.browser import Open
from tests.service.dashboard.conftest import Start
from tests.store.alarm_work import raised

pytestmark = pytest.mark.slow
Picture = Callable[..., bytes]


def labels_in(store: Any) -> list[tuple[str | None, str]]:
    """Return (label, origin) of each sample."""
    with store.database.read() as connection:
        return [tuple(row) for row in connection.execute(select(samples.c.label, samples.c.origin))]


def choose(page: Page, content: bytes) -> None:
    page.get_by_label("Choose an image").set_input_files(
        {"name": "image.jpg", "mimeType": "image/jpeg", "buffer": content}
    )


def test_an_image_is_tried_and_its_answer_corrected(
    start: Start, serving: Any, open_page: Open, picture: Picture
) -> None:
    page = open_page(start(serving))
    choose(page, picture())
    expect(page.locator(".tried-answer .headline")).to_contain_text("sure, says v1")
    page.locator(".tried-answer .class", has_text="green").click()
    expect(page.get_by_text("green: Taken as a new sample.")).to_be_visible()
    assert labels_in(serving) == [("green", "volunteered")]
    # It stands among the last predictions, with its label.
    expect(page.locator("#predictions .shot")).to_have_count(1)
    expect(page.locator("#predictions .shot img")).to_have_js_property("naturalWidth", 32)
    expect(page.locator("#learning .headline")).to_contain_text("1")


def test_an_image_is_opened_by_keyboard_and_corrected_on_its_page(
    start: Start, serving: Any, open_page: Open, picture: Picture
) -> None:
    address = start(serving)
    headers = {"Content-Type": "image/jpeg"}
    asked = httpx.post(f"{address}/v1/predict", content=picture(), headers=headers).json()
    other = next(name for name in ("blue", "green") if name != asked["label"])
    page = open_page(address + "/images")
    page.locator("#images .shot a").focus()
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/images/{asked['prediction_id']}")
    expect(page.locator("#picture img")).to_have_js_property("naturalWidth", 32)
    expect(page.locator("#answer")).to_contain_text(f"sure, says {asked['model_version']}")
    expect(page.locator("#answer")).to_contain_text("Nobody has said yet whether that is right.")
    page.locator("#correction .class", has_text=other).focus()
    page.keyboard.press("Enter")
    expect(page.locator("#told")).to_have_text(f"{other}: Taken as a new sample.")
    expect(page.locator("#answer")).to_contain_text(f"✗ wrong: it is {other}, by its label")
    expect(page.locator("#correction .class[aria-pressed=true]")).to_be_focused()
    assert labels_in(serving) == [(other, "volunteered")]
    page.go_back()
    expect(page.locator("#images .shot")).to_contain_text(f"is {other}")


def test_images_like_one_stand_below_it_and_lead_on(
    start: Start, serving: Any, open_page: Open, picture: Picture
) -> None:
    address = start(serving)
    headers = {"Content-Type": "image/jpeg"}
    asked = [
        httpx.post(f"{address}/v1/predict", content=picture(n), headers=headers).json() for n in range(3)
    ]
    page = open_page(f"{address}/images/{asked[0]['prediction_id']}")
    expect(page.locator("#similar")).to_contain_text("as v1 sees them, of the 2 other images")
    expect(page.locator("#similar .shot img")).to_have_count(2)
    page.locator("#similar .shot a").first.click()
    expect(page.locator("#picture img")).to_have_js_property("naturalWidth", 32)
    assert page.url.rpartition("/")[2] in {each["prediction_id"] for each in asked[1:]}


def test_one_label_goes_to_several_alike_and_undo_lets_another_replace_it(
    start: Start, serving: Any, open_page: Open, picture: Picture
) -> None:
    address = start(serving)
    headers = {"Content-Type": "image/jpeg"}
    asked = [
        httpx.post(f"{address}/v1/predict", content=picture(n), headers=headers).json() for n in range(4)
    ]
    page = open_page(f"{address}/images/{asked[0]['prediction_id']}")
    boxes = page.locator("#similar .pick input")
    expect(boxes).to_have_count(3)
    boxes.nth(0).focus()
    page.keyboard.press("Space")
    boxes.nth(2).check()
    expect(page.locator("#several .said")).to_have_text("2 images ticked.")
    page.locator("#several .class", has_text="green").click()
    expect(page.locator("#several .said")).to_have_text("2 images labelled green.")
    assert labels_in(serving) == [("green", "volunteered")] * 2
    expect(page.locator("#similar .pick input:checked")).to_have_count(0)
    expect(page.locator("#similar .good-text, #similar .bad-text")).to_have_count(2)
    page.locator("#several").get_by_role("button", name="Undo").click()
    expect(page.locator("#similar .pick input:checked")).to_have_count(2)
    page.locator("#several .class", has_text="red").click()
    expect(page.locator("#several .said")).to_have_text("2 images labelled red.")
    assert labels_in(serving) == [("red", "volunteered")] * 2


def test_images_of_an_alarm_are_labelled_together(
    start: Start, serving: Any, open_page: Open, picture: Picture
) -> None:
    address = start(serving)
    headers = {"Content-Type": "image/jpeg"}
    asked = [
        httpx.post(f"{address}/v1/predict", content=picture(n), headers=headers).json() for n in range(3)
    ]
    names = [each["prediction_id"] for each in asked]
    for name in names:
        # Answered once it is written down.
        httpx.get(f"{address}/v1/predictions/{name}").raise_for_status()
    with serving.database.read() as connection:
        logged = [find_prediction(connection, name) for name in names]
    raised(serving.database, images=[AlarmImage(each.sha256, each.id, None) for each in logged])
    page = open_page(address + "/alarms")
    expect(page.locator("#open-alarms .pairs img").first).to_have_js_property("naturalWidth", 32)
    page.get_by_role("button", name="Tick all").click()
    page.get_by_label("image 2").uncheck()
    page.locator("#open-alarms .class", has_text="green").click()
    expect(page.locator("#open-alarms .said")).to_have_text("2 images labelled green.")
    assert labels_in(serving) == [("green", "volunteered")] * 2
    expect(page.get_by_label("image 1")).not_to_be_checked()


def test_an_image_that_was_deleted_says_so(
    start: Start, serving: Any, open_page: Open, picture: Picture
) -> None:
    address = start(serving)
    headers = {"Content-Type": "image/jpeg"}
    asked = httpx.post(f"{address}/v1/predict", content=picture(), headers=headers).json()
    httpx.delete(f"{address}/v1/predictions/{asked['prediction_id']}").raise_for_status()
    opened = f"{address}/images/{asked['prediction_id']}"
    page = open_page(opened, expected="410", ready="#problem:not([hidden])")
    expect(page.locator("#problem")).to_contain_text("was deleted")
    expect(page.locator("#answer")).to_have_text("There is nothing to show.")


def test_what_is_no_image_is_refused_in_words(start: Start, serving: Any, open_page: Open) -> None:
    page = open_page(start(serving), expected="415")
    choose(page, b"no image")
    expect(page.locator("#problem")).to_contain_text("image")
    assert page.locator(".tried").count() == 0


def test_a_label_by_keyboard_arrives_as_a_sample_of_the_draw(
    start: Start, serving: Any, open_page: Open, picture: Picture
) -> None:
    address = start(serving, ServiceSettings(split=SplitSettings(audit_fraction=1.0)))
    for number in range(2):
        headers = {"Content-Type": "image/jpeg"}
        httpx.post(f"{address}/v1/predict", content=picture(number), headers=headers).raise_for_status()
    page = open_page(address + "/labelling")
    expect(page.locator("#question-image")).to_have_js_property("naturalWidth", 32)
    page.keyboard.press("2")
    expect(page.get_by_text("1 image to label.")).to_be_visible()
    page.keyboard.press("s")
    expect(page.get_by_text("That was the last one.")).to_be_visible()
    assert labels_in(serving) == [("green", "audit")]


def test_production_is_rolled_back_with_a_reason(start: Start, serving: Any, open_page: Open) -> None:
    serving.promote("v2")
    page = open_page(start(serving) + "/versions/v2")
    page.get_by_role("button", name="Roll back").click()
    page.get_by_label("Reason, for the record").fill("blue became worse")
    page.locator("#confirm-yes").click()
    expect(page.get_by_role("button", name="Promote")).to_be_visible()
    with serving.database.read() as connection:
        move = last_move(connection)
        assert learning_state.paused(connection) is not None
    assert (move.to_version, move.reason, move.is_roll_back) == ("v1", "blue became worse", True)


def test_a_version_is_promoted_with_a_reason(start: Start, serving: Any, open_page: Open) -> None:
    page = open_page(start(serving) + "/versions/v2")
    page.get_by_role("button", name="Promote").click()
    page.get_by_label("Reason, for the record").fill("better by eye")
    page.locator("#confirm-yes").click()
    expect(page.locator("#version .badge", has_text="production")).to_be_visible()
    with serving.database.read() as connection:
        move = last_move(connection)
    assert (move.to_version, move.reason) == ("v2", "better by eye")


def test_images_are_searched_by_class_and_outcome_under_an_address(
    start: Start, serving: Any, open_page: Open, picture: Picture
) -> None:
    address = start(serving)
    headers = {"Content-Type": "image/jpeg"}
    asked = [
        httpx.post(f"{address}/v1/predict", content=picture(n), headers=headers).json() for n in range(3)
    ]
    other = next(name for name in ("blue", "green") if name != asked[0]["label"])
    body = {"prediction_id": asked[0]["prediction_id"], "label": other}
    httpx.post(f"{address}/v1/feedback", json=body).raise_for_status()
    page = open_page(address + "/images")
    expect(page.locator("#images .shot")).to_have_count(3)
    page.get_by_label("Outcome").select_option("wrong")
    page.get_by_role("button", name="Search").click()
    expect(page.locator("#images .shot")).to_have_count(1)
    expect(page.locator("#images .shot")).to_contain_text(f"is {other}")
    assert page.url.endswith("/images?outcome=wrong")
    page.go_back()
    expect(page.locator("#images .shot")).to_have_count(3)


def test_with_keys_a_reader_sees_and_is_told_what_the_key_may_not(
    start: Start, serving: Any, open_page: Open, picture: Picture, tmp_path: Path
) -> None:
    keys = tmp_path / "keys.json"
    sender, reader = add_key(keys, "app", ["predict"]), add_key(keys, "ann", ["read"])
    address = start(serving, ServiceSettings(access=AccessSettings(keys_file=keys)))
    headers = {"Content-Type": "image/jpeg", "Authorization": f"Bearer {sender}"}
    httpx.post(f"{address}/v1/predict", content=picture(), headers=headers).raise_for_status()
    page = open_page(address, expected="40", ready="#key-form.wanted")
    page.get_by_label("Key").fill(reader)
    page.get_by_role("button", name="Use").click()
    expect(page.locator("#predictions .shot img")).to_have_js_property("naturalWidth", 32)
    choose(page, picture())
    expect(page.locator("#problem")).to_contain_text("'predict'")


def test_an_unchanged_state_is_not_sent_again(start: Start, serving: Any, open_page: Open) -> None:
    page = open_page(start(serving) + "/drift")
    with page.expect_response(lambda answer: answer.url.endswith("/v1/drift")) as later:
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    assert later.value.status == 304
    expect(page.locator(".connection")).to_have_text("live")


def test_an_unknown_label_is_merged_and_another_accepted(
    start: Start, serving: Any, open_page: Open, picture: Picture
) -> None:
    address = start(serving)
    for number, label in enumerate(("greeen", "violet")):
        sent = httpx.post(f"{address}/v1/feedback", files={"image": picture(number)}, data={"label": label})
        assert sent.json()["status"] == "quarantined"
    page = open_page(address + "/classes")
    expect(page.locator("#unknown-labels li img")).to_have_count(2)
    expect(page.locator("#known-classes")).to_contain_text("green")
    page.get_by_role("button", name="Merge into green").click()
    page.locator("#confirm-yes").click()
    expect(page.locator("#unknown-labels > ul > li")).to_have_count(1)
    page.get_by_role("button", name="Accept").click()
    page.locator("#confirm-yes").click()
    expect(page.locator("#unknown-labels")).to_contain_text("accepted by")
    with serving.database.read() as connection:
        assert accepted_names(connection) == ["violet"]
    assert ("green", "direct") in labels_in(serving)
