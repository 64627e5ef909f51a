"""The listening socket and its address."""

import socket

import pytest

from optiq_server.errors import StartFailed
from optiq_server.listener import bind, url_of
from optiq_server.settings import HttpSettings


def test_port_0_becomes_a_port_that_answers() -> None:
    with bind(HttpSettings(port=0)) as listener:
        host, port = listener.getsockname()

        with socket.create_connection((host, port)):
            assert url_of(listener) == f"http://127.0.0.1:{port}"


def test_a_port_that_another_listener_has_is_refused_with_a_remedy() -> None:
    with bind(HttpSettings(port=0)) as listener:
        port = listener.getsockname()[1]

        with pytest.raises(StartFailed, match=f"port {port} .* in use.*--port"):
            bind(HttpSettings(port=port))


def test_an_address_of_another_machine_is_refused_with_a_remedy() -> None:
    # 192.0.2.0/24 is set aside for documentation (RFC 5737), so no machine has it.
    with pytest.raises(StartFailed, match=r"not an address of this machine.*--host"):
        bind(HttpSettings(host="192.0.2.1", port=0))


def test_a_socket_for_all_addresses_is_reached_by_the_loopback() -> None:
    with bind(HttpSettings(host="0.0.0.0", port=0)) as listener:
        assert url_of(listener).startswith("http://127.0.0.1:")
