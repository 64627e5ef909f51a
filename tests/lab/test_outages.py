"""A server that goes away under the page, and one that wants a key."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.lab.lab import new_lab
from tests.lab.servers import Server, scripted_server

pytestmark = pytest.mark.slow

_KEY = "correct horse"


@pytest.fixture(name="fragile")
def _fragile(tmp_path: Path) -> Iterator[Server]:
    """A server of this test alone."""
    server = scripted_server("endless", tmp_path)
    server.start()
    yield server
    server.stop()


@pytest.fixture(name="locked")
def _locked(tmp_path: Path) -> Iterator[Server]:
    server = scripted_server("brief", tmp_path, "--api-key", _KEY)
    server.start()
    yield server
    server.stop()


def test_a_restart_under_the_page_loses_nothing(context: BrowserContext, fragile: Server) -> None:
    lab = new_lab(context, fragile.url)
    lab.open()
    lab.ask("Go on")
    expect(lab.replies.last.locator(".markdown")).to_contain_text("and so on")

    fragile.stop()
    banner = lab.page.get_by_text("Nothing is lost")
    expect(banner).to_be_visible()
    expect(lab.replies.last).to_contain_text("what came is kept")
    lab.ask("Are you there?")
    expect(lab.replies.last).to_contain_text("No reply came.")
    fragile.start()

    expect(banner).to_have_count(0)
    lab.replies.last.get_by_role("button", name="Try again").click()
    expect(lab.replies.last.locator(".markdown")).to_contain_text("and so on")
    lab.page.keyboard.press("Escape")
    expect(lab.replies.first.locator(".markdown")).to_contain_text("and so on")
    assert lab.faults == []


def test_a_wrong_key_is_refused_and_the_right_one_stays_in_memory(
    context: BrowserContext, locked: Server
) -> None:
    lab = new_lab(context, locked.url)
    lab.open()
    dialog = lab.page.get_by_role("dialog", name="API key")
    dialog.get_by_label("API key").fill("wrong")
    dialog.get_by_label("API key").press("Enter")
    expect(dialog).to_contain_text("That key was refused.")

    dialog.get_by_label("API key").fill(_KEY)
    dialog.get_by_label("API key").press("Enter")

    expect(dialog).to_have_count(0)
    lab.ask("Hello")
    lab.wait()
    expect(lab.replies.last.locator(".markdown")).to_have_text("hi")
    stored = lab.page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])")
    assert _KEY not in stored
    lab.page.reload()
    expect(dialog).to_be_visible()
    assert lab.faults == []
