"""What opening the page costs, and who is asked for it."""

import pytest
from playwright.sync_api import Response, expect

from tests.lab.lab import Lab

pytestmark = [pytest.mark.mlx, pytest.mark.slow]

_BUDGET_BYTES = 120_000
_POLICY = "default-src 'none'; script-src 'self'; style-src 'self';"


def test_the_first_load_is_small_compressed_and_from_here_alone(lab: Lab) -> None:
    responses: list[Response] = []
    lab.page.on("response", lambda response: responses.append(response))
    lab.open()
    expect(lab.page.get_by_label("Message", exact=True)).to_be_editable()

    files = [each for each in responses if "/v1/" not in each.url]
    sizes = [each.request.sizes()["responseBodySize"] for each in files]

    assert len(files) >= 3
    assert 20_000 < sum(sizes) <= _BUDGET_BYTES


def test_the_policy_of_the_page_lets_nothing_inline_run(lab: Lab) -> None:
    response = lab.page.goto(lab.url)
    assert response

    lab.page.evaluate(
        "document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"window.hit = 1\">')"
    )

    assert response.headers["content-security-policy"].startswith(_POLICY)
    expect(lab.page.get_by_label("Message", exact=True)).to_be_editable()
    assert lab.page.evaluate("window.hit") is None
    assert any("Content Security Policy" in fault for fault in lab.faults)
    lab.faults.clear()


def test_the_page_is_used_by_keyboard_alone(lab: Lab) -> None:
    lab.open()
    expect(lab.page.get_by_text("What shall we work on?")).to_be_visible()
    press = lab.page.keyboard.press
    press("3")
    expect(lab.page.get_by_role("heading", name="Live")).to_be_visible()
    press("1")
    expect(lab.page.get_by_label("Message", exact=True)).to_be_visible()
    press("/")
    expect(lab.page.get_by_label("Message", exact=True)).to_be_focused()
    lab.page.keyboard.type("Who are you?")
    press("Enter")
    lab.wait()

    expect(lab.replies.last.locator(".markdown")).to_contain_text("OptiQ")
