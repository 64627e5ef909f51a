"""axe-core finds nothing serious in any view, light or dark, and the views show what the server says."""

from importlib import resources
from typing import Literal

import pytest
from playwright.sync_api import Browser, expect

from tests.lab.lab import Lab, new_lab
from tests.lab.servers import Server

pytestmark = [pytest.mark.mlx, pytest.mark.slow]

_RUN = """async () => {
  const { violations } = await axe.run();
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => [id, ...nodes.map((node) => `${node.target} ${node.failureSummary}`)].join(' '));
}"""


def _check(lab: Lab, axe: str, where: str) -> None:
    lab.page.evaluate(axe)
    assert lab.page.evaluate(_RUN) == [], where


def _walk(lab: Lab, axe: str) -> None:
    page = lab.page
    lab.open()
    expect(page.get_by_role("button", name="What is 17 + 25?")).to_be_visible()
    _check(lab, axe, "welcome")
    lab.settle()
    lab.ask("What is 17 + 25?")
    lab.wait()
    lab.replies.last.locator(".reasoning summary").click()
    _check(lab, axe, "chat")
    lab.replies.last.get_by_role("button", name="This request as curl or Python").click()
    _check(lab, axe, "dialog")
    page.get_by_role("button", name="Close", exact=True).click()
    lab.open("model")
    expect(page.get_by_role("grid", name="Bits by role and layer")).to_be_visible()
    _check(lab, axe, "model")
    lab.open("live")
    expect(page.get_by_text("Tokens per second")).to_be_visible()
    _check(lab, axe, "live")
    lab.open("tokens")
    page.get_by_label("Harmony text").check()
    page.get_by_role("button", name="Inspect").click()
    expect(page.get_by_role("heading", name="How it is understood")).to_be_visible()
    _check(lab, axe, "tokens")
    lab.open("connect")
    expect(page.get_by_role("button", name="Codex")).to_be_visible()
    _check(lab, axe, "connect")
    lab.open("jobs")
    expect(page.get_by_role("button", name="Start quantizing")).to_be_visible()
    _check(lab, axe, "jobs")


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 1280), ("light", 390)])
def test_no_view_has_a_serious_violation(
    browser: Browser, pocket: Server, scheme: Literal["light", "dark"], width: int
) -> None:
    axe = resources.files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
    context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 844})
    lab = new_lab(context, pocket.url)

    _walk(lab, axe)

    assert lab.faults == []
    context.close()
