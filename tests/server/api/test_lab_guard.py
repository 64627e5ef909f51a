"""Who may start programs: by address, by name, by key."""

import pytest
from fastapi import Request

from optiq_server.api.lab_guard import trusted_only
from optiq_server.errors import Forbidden


def _request(client: str, host: str) -> Request:
    headers = [(b"host", host.encode())]
    return Request(
        {
            "type": "http",
            "method": "GET",
            "scheme": "http",
            "path": "/",
            "query_string": b"",
            "headers": headers,
            "client": (client, 5000),
            "server": ("127.0.0.1", 8080),
        }
    )


@pytest.mark.parametrize(
    ("client", "host"),
    [
        ("127.0.0.1", "127.0.0.1:8080"),
        ("127.0.0.1", "localhost:8080"),
        ("::1", "[::1]:8080"),
        ("::ffff:127.0.0.1", "127.0.0.1:8080"),
    ],
)
async def test_this_machine_is_trusted_by_its_addresses(client: str, host: str) -> None:
    await trusted_only(has_key=False)(_request(client, host))


@pytest.mark.parametrize(
    ("client", "host"),
    [
        ("192.168.0.7", "192.168.0.2:8080"),
        ("127.0.0.1", "evil.example"),
        ("", "127.0.0.1"),
    ],
)
async def test_others_need_the_key(client: str, host: str) -> None:
    request = _request(client, host)

    await trusted_only(has_key=True)(request)
    with pytest.raises(Forbidden, match="--api-key"):
        await trusted_only(has_key=False)(request)
