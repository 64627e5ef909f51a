"""Chromium, started once a module, and real servers, each started once."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Playwright, expect, sync_playwright

from tests.lab.lab import Lab, new_lab
from tests.lab.servers import Server, pocket_server, scripted_server

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_PATIENCE_MS = 20_000

expect.set_options(timeout=_PATIENCE_MS)


@pytest.fixture(scope="module", name="browser")
def _browser() -> Iterator[Browser]:
    """Playwright's event loop counts as running until it stops, and no asynchronous test runs beside it."""
    executable = next(filter(None, map(shutil.which, _NAMES)), None)
    if executable is None:
        pytest.skip(f"none of {', '.join(_NAMES)} is installed")
    playwright = _start_playwright()
    # In a container there is no second user that Chromium's own sandbox needs.
    browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
    yield browser
    browser.close()
    playwright.stop()


def _start_playwright() -> Playwright:
    """Its driver is Node, which cannot start its threads beside the OpenBLAS that servers preload."""
    with pytest.MonkeyPatch.context() as environment:
        environment.delenv("LD_PRELOAD", raising=False)
        return sync_playwright().start()


@pytest.fixture(scope="session", name="pocket")
def _pocket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = pocket_server(tmp_path_factory.mktemp("pocket"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session", name="endless")
def _endless(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Replies that go on until they are stopped."""
    server = scripted_server("endless", tmp_path_factory.mktemp("endless"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(name="context")
def _context(browser: Browser) -> Iterator[BrowserContext]:
    """A browser that has never been here: no conversation, no setting."""
    context = browser.new_context()
    context.set_default_timeout(_PATIENCE_MS)
    yield context
    context.close()


@pytest.fixture(name="lab")
def _lab(context: BrowserContext, pocket: Server) -> Iterator[Lab]:
    """The page over the pocket model. Whatever a test does: no script fails, and nobody else is asked."""
    lab = new_lab(context, pocket.url)
    yield lab
    assert lab.faults == []
    assert lab.foreign == []


@pytest.fixture(name="archive")
def _archive(tmp_path: Path) -> Path:
    """Where a test writes a file to import."""
    return tmp_path / "conversations.json"
