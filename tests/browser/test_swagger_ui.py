"""Swagger UI: "Try it out" works, for files too."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.people import new_email

pytestmark = pytest.mark.browser

IMAGES = Path(importlib.util.find_spec("insightface").origin).parent / "data" / "images"
FACE = IMAGES / "t1.jpg"


def opened(page: Page, operation: str) -> Locator:
    """The operation's block with "Try it out" pressed."""
    page.goto("/api/docs")
    block = page.locator(f"[id$='-{operation}']")
    expect(block).to_be_visible(timeout=15_000)
    block.locator(".opblock-summary-control, .opblock-summary").first.click()
    block.get_by_role("button", name="Try it out").click()
    return block


def executed(block: Locator) -> tuple[int, Any]:
    """Press Execute; status and body of the answer."""
    block.get_by_role("button", name="Execute").click()
    answer = block.locator(".live-responses-table .response")
    expect(answer).to_be_visible(timeout=30_000)
    status = int(answer.locator(".response-col_status").inner_text().split()[0])
    text = answer.locator(".response-col_description .highlight-code code, .response-col_description pre").first
    return status, json.loads(text.inner_text())


def parameter(block: Locator, name: str) -> Locator:
    return block.locator(f"tr[data-param-name='{name}']").locator("input, textarea, select").first


def test_a_person_can_be_enrolled_and_recognised_without_leaving_the_page(page):
    block = opened(page, "create_user")
    body = {"name": "Tom", "email": new_email("tom"), "password": "secure123"}
    parameter(block, "payload").fill(json.dumps(body))
    status, user = executed(block)
    assert status == 201
    user_id = str(user["id"])

    block = opened(page, "upload_photo")
    parameter(block, "user_id").fill(user_id)
    parameter(block, "file").set_input_files(FACE)
    status, photo = executed(block)
    assert status == 201
    assert photo["face"]["detected"] is True

    block = opened(page, "upload_photos")
    parameter(block, "user_id").fill(user_id)
    parameter(block, "files").set_input_files(FACE)
    parameter(block, "files[]").set_input_files(IMAGES / "Tom_Hanks_54745.png")
    status, many = executed(block)
    assert status == 201
    assert many["uploaded"] == 2

    block = opened(page, "train_user")
    parameter(block, "payload").fill(json.dumps({"user_id": int(user_id)}))
    status, trained = executed(block)
    assert status == 200
    assert trained["success"] is True

    block = opened(page, "predict_face")
    parameter(block, "file").set_input_files(FACE)
    status, found = executed(block)
    assert status == 200
    assert found["data"]["user_id"] == user["id"]


def test_a_mask_can_be_typed_in(page):
    block = opened(page, "list_users")
    parameter(block, "X-Fields").fill("id,name")
    status, users = executed(block)
    assert status == 200
    assert all(user.keys() == {"id", "name"} for user in users)


def test_every_operation_is_listed_with_a_summary(page):
    page.goto("/api/docs")
    expect(page.locator(".opblock").first).to_be_visible(timeout=15_000)
    summaries = page.locator(".opblock-summary-description").all_inner_texts()
    assert summaries
    assert all(summaries)
