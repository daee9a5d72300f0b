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
from store.database.schema import samples
from store.registry import last_move
from store.samples.splits import SplitSettings
from tests.monitoring.dashboard.browser import Open
from tests.service.dashboard.conftest import Start

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
