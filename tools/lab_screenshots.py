"""Pictures of each view of OptiQ Lab, light, dark and 390 pixels wide, off a server with the pocket model.

`make serve`, then `python -m tools.lab_screenshots`. What is in them was said by that model.
"""

import argparse
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, Page, expect, sync_playwright

_FOLDER = Path(__file__).parents[1] / "docs" / "lab"
_REPLY_MS = 120_000
_LIVE_MS = 20_000
_COLOUR_MS = 800
_LIST_MS = 1_500
_WEATHER = {
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
_REPLY = (
    "<|channel|>analysis<|message|>The user wants the weather.<|end|>"
    "<|start|>assistant<|channel|>commentary to=functions.get_weather <|constrain|>json<|message|>"
    '{"city": "Paris"}<|call|><|start|>assistant<|channel|>final<|message|>It is sunny.<|channel|>final'
    "<|message|>And warm.<|return|>"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """How the page is looked at."""

    name: str
    scheme: Literal["light", "dark"]
    width: int
    height: int


_LOOKS = (
    _Look(name="light", scheme="light", width=1280, height=800),
    _Look(name="dark", scheme="dark", width=1280, height=800),
    _Look(name="narrow", scheme="light", width=390, height=844),
)


def _ask(page: Page, text: str) -> None:
    page.get_by_label("Message", exact=True).fill(text)
    page.get_by_label("Message", exact=True).press("Enter")


def _wait(page: Page) -> None:
    expect(page.get_by_role("button", name="Send", exact=True)).to_be_visible(timeout=_REPLY_MS)


def _chat(page: Page) -> None:
    page.get_by_role("button", name="Settings", exact=True).click()
    page.get_by_label("Temperature").fill("0")
    page.get_by_label("Definitions").fill(json.dumps([_WEATHER], indent=2))
    page.get_by_role("button", name="Close settings").click()
    _ask(page, "What's the weather like in Paris?")
    result = page.get_by_label("Result of get_weather")
    expect(result).to_be_visible(timeout=_REPLY_MS)
    result.fill('{"temperature": 21, "condition": "sunny"}')
    page.get_by_role("button", name="Send result").click()
    expect(page.get_by_role("article", name="Model")).to_have_count(2)
    _wait(page)


def _settings(page: Page) -> None:
    _chat(page)
    page.get_by_role("button", name="Settings", exact=True).click()


def _model(page: Page) -> None:
    grid = page.get_by_role("grid", name="Bits by role and layer")
    expect(grid).to_be_visible()
    grid.get_by_role("gridcell").nth(5).hover()


def _live(page: Page) -> None:
    """Some replies run meanwhile, asked for by the page itself."""
    page.evaluate(
        """() => {
          const ask = (n) => fetch('/v1/chat/completions', {
            method: 'POST',
            headers: { 'Content-Type': 'application/json' },
            body: JSON.stringify({
              messages: [{ role: 'user', content: `What is ${n} + 25?` }], max_tokens: 4000,
              logit_bias: { 200002: -100, 200007: -100, 200012: -100 }, reasoning_effort: 'high',
            }),
          });
          for (let n = 1; n <= 3; n++) void ask(n);
        }"""
    )
    page.wait_for_timeout(_LIVE_MS)


def _tokens(page: Page) -> None:
    page.get_by_label("Harmony text").check()
    page.get_by_role("textbox", name="What is inspected").fill(_REPLY)
    page.get_by_role("button", name="Inspect").click()
    expect(page.get_by_role("heading", name="How it is understood")).to_be_visible()
    page.locator(".token.control").first.hover()


def _connect(page: Page) -> None:
    expect(page.get_by_role("list", name="Clients")).to_be_visible()


def _jobs(page: Page) -> None:
    """With the result of the newest job, where one was done before."""
    expect(page.get_by_role("button", name="Start quantizing")).to_be_visible()
    page.wait_for_timeout(_LIST_MS)
    result = page.get_by_role("button", name="Result", exact=True)
    if result.count():
        result.first.click()
        page.get_by_role("heading", name="Jobs", exact=True).last.scroll_into_view_if_needed()
        page.locator(".frontier").first.scroll_into_view_if_needed()


_VIEWS: dict[str, tuple[str, Callable[[Page], None]]] = {
    "chat": ("chat", _chat),
    "settings": ("chat", _settings),
    "model": ("model", _model),
    "live": ("live", _live),
    "tokens": ("tokens", _tokens),
    "connect": ("connect", _connect),
    "jobs": ("jobs", _jobs),
}


def _take(browser: Browser, url: str, look: _Look, names: list[str]) -> None:
    for name in names:
        view, prepare = _VIEWS[name]
        context = browser.new_context(
            color_scheme=look.scheme,
            viewport={"width": look.width, "height": look.height},
            reduced_motion="reduce",
        )
        page = context.new_page()
        page.goto(f"{url}/#/{view}")
        prepare(page)
        # The colours of code are loaded after the text.
        page.wait_for_timeout(_COLOUR_MS)
        path = _FOLDER / f"{name}-{look.name}.png"
        page.screenshot(path=path, animations="disabled")
        print(f"{path.name}: {path.stat().st_size:,} bytes")
        context.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="http://127.0.0.1:8080")
    parser.add_argument("--only", nargs="*", choices=sorted(_VIEWS), default=list(_VIEWS))
    options = parser.parse_args()
    _FOLDER.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        executable = shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        for look in _LOOKS:
            _take(browser, options.url, look, options.only)
        browser.close()


if __name__ == "__main__":
    main()
