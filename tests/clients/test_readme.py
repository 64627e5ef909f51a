"""README shows the configurations that `python -m tools.clients` runs with."""

from pathlib import Path

import pytest

from tools.clients.client import Client
from tools.clients.cn import CN
from tools.clients.codex import CODEX
from tools.clients.opencode import OPENCODE


@pytest.mark.parametrize("client", [CODEX, OPENCODE, CN], ids=lambda client: client.name)
def test_a_configuration_is_shown_as_it_is_run(client: Client) -> None:
    shown = Path("README.md").read_text()

    assert f"`~/{client.configuration_path}`:\n" in shown
    assert f"\n{client.configuration('http://127.0.0.1:8080/v1')}```\n" in shown
