"""Our own server, started and stopped for an evaluation."""

import socket
from urllib.parse import urlsplit

import httpx
import pytest

from optiq_server.evaluation.child_server import POCKET, serving
from optiq_server.evaluation.errors import ServerUnusable

pytestmark = [pytest.mark.mlx, pytest.mark.slow]


def test_the_pocket_model_is_served_until_the_block_ends() -> None:
    with serving(POCKET, 2) as base_url:
        models = httpx.get(f"{base_url}/models").json()

    address = urlsplit(base_url)
    assert models["data"][0]["id"] == "optiq-pocket"
    assert address.hostname is not None
    assert address.port is not None
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((address.hostname, address.port))


def test_a_model_that_cannot_be_served_is_told_with_the_servers_words() -> None:
    with (
        pytest.raises(ServerUnusable, match=r"`optiq serve --model /nowhere/model` did not start: .*nowhere"),
        serving("/nowhere/model", 2),
    ):
        pass
