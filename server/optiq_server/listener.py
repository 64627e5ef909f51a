"""The listening socket, taken before anything slow happens. Imports nothing heavy."""

import errno
import socket

from optiq_server.errors import StartFailed
from optiq_server.settings import HttpSettings

_BACKLOG = 2048
"""Connections that wait to be accepted; uvicorn's own default."""


def bind(http: HttpSettings) -> socket.socket:
    """A socket that listens. Raises StartFailed with what to do about it.

    It listens at once: two sockets may share a port as long as neither does.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            http.host, http.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (socket.gaierror, UnicodeError) as error:
        raise StartFailed(f"{http.host!r} is not the name or address of a host") from error
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise StartFailed(_reason(error, http)) from error
    return listener


def url_of(listener: socket.socket) -> str:
    """The address to paste into a client on this machine."""
    host, port = listener.getsockname()[:2]
    if host in ("0.0.0.0", "::"):
        host = "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _reason(error: OSError, http: HttpSettings) -> str:
    match error.errno:
        case errno.EADDRINUSE:
            return (
                f"port {http.port} on {http.host} is in use: stop what uses it, or choose another with --port"
            )
        case errno.EACCES:
            return f"port {http.port} needs privileges: choose one above 1023 with --port"
        case errno.EADDRNOTAVAIL:
            return f"{http.host} is not an address of this machine: choose another with --host"
        case _:
            return f"cannot listen on {http.host} port {http.port}: {error.strerror}"
