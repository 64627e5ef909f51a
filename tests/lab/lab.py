"""OptiQ Lab as a user has it: one browser window, and what must never happen in it."""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, Locator, Page, Request, expect

_REPLY_MS = 60_000
"""For a busy machine; the pocket model answers in less than two seconds."""

_EXPECTED_NOISE = re.compile(r"Failed to load resource")
"""What Chromium writes itself about each request that fails, also where the test wants it to fail."""


@dataclass(slots=True)
class Lab:
    """A page of the Lab. `faults` are script errors and broken policies, `foreign` requests to others."""

    page: Page
    url: str
    faults: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("console", lambda message: self._hear(message.type, message.text))
        self.page.on("request", lambda request: self._see(request))

    def _hear(self, kind: str, text: str) -> None:
        if kind == "error" and not _EXPECTED_NOISE.search(text):
            self.faults.append(text)

    def _see(self, request: Request) -> None:
        address = urlsplit(request.url)
        if address.scheme in ("data", "blob"):
            return
        if f"{address.scheme}://{address.netloc}" != self.url:
            self.foreign.append(request.url)

    def open(self, view: str = "") -> None:
        self.page.goto(f"{self.url}/{f'#/{view}' if view else ''}")
        expect(self.page.get_by_role("main")).to_be_visible()

    def settle(self, **settings: str) -> None:
        """Fills fields of the settings by their names; greedy unless told otherwise."""
        self.page.get_by_role("button", name="Settings", exact=True).click()
        for name, value in {"Temperature": "0", **settings}.items():
            self.page.get_by_label(name.replace("_", " "), exact=True).fill(value)
        self.page.get_by_role("button", name="Close settings").click()

    def ask(self, text: str) -> None:
        self.page.get_by_label("Message", exact=True).fill(text)
        self.page.get_by_label("Message", exact=True).press("Enter")

    def answer_with(self, *pieces: str) -> None:
        """From now on the model says this, whatever it is asked: what no real one can be made to say."""
        chunks = [{"choices": [{"index": 0, "delta": {"content": piece}}]} for piece in pieces]
        chunks.append({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
        events = [f"data: {json.dumps(chunk)}\n\n" for chunk in chunks]
        body = "".join([*events, "data: [DONE]\n\n"])
        self.page.route(
            "**/v1/chat/completions",
            lambda route: route.fulfill(content_type="text/event-stream", body=body),
        )

    def wait(self) -> None:
        """Until no reply is on its way."""
        expect(self.page.get_by_role("button", name="Send", exact=True)).to_be_visible(timeout=_REPLY_MS)

    @property
    def replies(self) -> Locator:
        return self.page.get_by_role("article", name="Model")

    @property
    def questions(self) -> Locator:
        return self.page.get_by_role("article", name="You")

    def import_file(self, path: Path) -> None:
        self.page.get_by_label("File to import").set_input_files(path)


def new_lab(context: BrowserContext, url: str) -> Lab:
    return Lab(context.new_page(), url)
