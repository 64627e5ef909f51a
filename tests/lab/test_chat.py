"""The chat, on the real server with the pocket model."""

import json

import httpx
import pytest
from playwright.sync_api import BrowserContext, expect

from tests.lab.lab import Lab, new_lab
from tests.lab.servers import Server

pytestmark = [pytest.mark.mlx, pytest.mark.slow]

_WEATHER = [
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "description": "Get the current weather for a city",
            "parameters": {
                "type": "object",
                "properties": {"city": {"type": "string", "description": "The city"}},
                "required": ["city"],
            },
        },
    }
]
_PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
    "required": ["name", "age"],
    "additionalProperties": False,
}


def test_an_answer_comes_with_its_reasoning_and_its_figures(lab: Lab) -> None:
    lab.open()
    lab.settle()
    lab.ask("What is 17 + 25?")
    lab.wait()

    reply = lab.replies.last
    expect(reply.locator(".markdown")).to_contain_text("42")
    expect(reply.locator(".turn-foot .figures")).to_contain_text(" out")
    fold = reply.locator(".reasoning summary")
    expect(fold).to_contain_text("tokens")
    expect(reply.locator(".reasoning-text")).to_have_count(0)
    fold.click()
    expect(reply.locator(".reasoning-text")).to_contain_text("17")


def test_stopping_in_mid_stream_frees_the_place(context: BrowserContext, endless: Server) -> None:
    lab = new_lab(context, endless.url)
    lab.open()
    lab.ask("Go on for ever")
    expect(lab.replies.last.locator(".markdown")).not_to_be_empty()
    before = httpx.get(f"{endless.url}/v1/status").json()["running"]

    lab.page.keyboard.press("Escape")

    lab.wait()
    expect(lab.replies.last).to_contain_text("Stopped.")
    lab.page.wait_for_function("async () => (await (await fetch('/v1/status')).json()).running.length === 0")
    assert len(before) == 1
    assert lab.faults == []


def test_a_tool_is_called_and_answered_by_hand(lab: Lab) -> None:
    lab.open()
    lab.settle(Definitions=json.dumps(_WEATHER))
    lab.ask("What's the weather like in Paris?")
    card = lab.page.get_by_role("region", name="Call of get_weather")
    expect(card).to_contain_text("Paris")
    lab.wait()

    card.get_by_label("Result of get_weather").fill('{"temperature": 21, "condition": "sunny"}')
    lab.page.get_by_role("button", name="Send result").click()

    expect(lab.replies.last.locator(".markdown")).to_contain_text("sunny")
    lab.wait()
    expect(lab.replies.last.locator(".figures").last).to_contain_text("cached")


def test_a_schema_is_obeyed_and_the_answer_laid_out(lab: Lab) -> None:
    lab.open()
    lab.settle()
    lab.page.get_by_role("button", name="Settings", exact=True).click()
    lab.page.get_by_label("Schema", exact=True).check()
    lab.page.get_by_label("JSON schema").fill(json.dumps(_PERSON))
    lab.ask("Extract name and age as JSON: Paul is 31 years old.")
    lab.wait()

    code = lab.replies.last.locator("pre").inner_text()
    assert json.loads(code) == {"name": "Paul", "age": 31}
    assert code.count("\n") >= 3


def test_editing_makes_a_branch_and_both_stay(lab: Lab) -> None:
    lab.open()
    lab.settle()
    lab.ask("What is 17 + 25?")
    lab.wait()
    lab.questions.first.hover()
    lab.questions.first.get_by_role("button", name="Edit as a new branch").click()
    editor = lab.page.get_by_label("Edit message")
    editor.fill("What is 30 + 12?")
    editor.press("Enter")
    lab.wait()
    expect(lab.questions.first.locator(".bubble")).to_have_text("What is 30 + 12?")

    lab.questions.first.get_by_role("button", name="Previous branch").click()

    expect(lab.questions.first.locator(".bubble")).to_have_text("What is 17 + 25?")
    expect(lab.replies).to_have_count(1)


def test_a_reload_keeps_the_conversation_and_its_settings(lab: Lab) -> None:
    lab.open()
    lab.settle(System_prompt="Be brief.")
    lab.ask("Who are you?")
    lab.wait()
    said = lab.replies.last.locator(".markdown").inner_text()

    lab.page.reload()

    expect(lab.replies.last.locator(".markdown")).to_have_text(said)
    lab.page.get_by_role("button", name="Settings", exact=True).click()
    expect(lab.page.get_by_label("System prompt")).to_have_value("Be brief.")


def test_two_tabs_see_the_same_and_lose_nothing(lab: Lab, context: BrowserContext) -> None:
    lab.open()
    lab.settle()
    lab.ask("What is 17 + 25?")
    lab.wait()
    other = new_lab(context, lab.url)
    other.page.goto(lab.page.url)
    expect(other.replies).to_have_count(1)

    lab.ask("What is 1 + 2?")
    expect(other.questions).to_have_count(2)
    lab.wait()
    expect(other.replies.last.locator(".turn-foot .figures")).to_contain_text(" out")
    other.ask("What is 2 + 3?")
    other.wait()

    expect(lab.questions).to_have_count(3)
    lab.page.reload()
    expect(lab.replies).to_have_count(3)
    assert other.faults == []


def test_a_turn_can_be_sent_from_a_shell(lab: Lab) -> None:
    lab.open()
    lab.settle()
    lab.ask("Who are you?")
    lab.wait()
    lab.replies.last.get_by_role("button", name="This request as curl or Python").click()

    dialog = lab.page.get_by_role("dialog")
    expect(dialog).to_contain_text(f"curl {lab.url}/v1/chat/completions")
    dialog.get_by_label("Python").check()
    expect(dialog).to_contain_text("from openai import OpenAI")
    expect(dialog).to_contain_text('"content": "Who are you?"')
