"""`optiq serve` in a process of its own, for as long as a block runs."""

import contextlib
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence

import httpx

_START_SECONDS = 600
"""Enough to unpack and load a large checkpoint from a slow disk."""


@contextlib.contextmanager
def optiq_server(arguments: Sequence[str]) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Start the server with these arguments on a free port; give its URL and process once it is ready."""
    port = _free_port()
    command = [sys.executable, "-m", "optiq_server", "serve", "--port", str(port), *arguments]
    with subprocess.Popen(command) as process:
        try:
            url = f"http://127.0.0.1:{port}"
            _wait_until_ready(url, process)
            yield url, process
        finally:
            process.terminate()


@contextlib.contextmanager
def optiq_serve(arguments: Sequence[str]) -> Iterator[str]:
    """The same where the URL is enough."""
    with optiq_server(arguments) as (url, _):
        yield url


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_until_ready(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with exit code {process.returncode} before it was ready")
        with contextlib.suppress(httpx.TransportError):  # the socket is not bound yet
            if httpx.get(f"{url}/health").status_code == 200:
                return
        time.sleep(0.1)
    raise TimeoutError(f"the server was not ready after {_START_SECONDS} s")
