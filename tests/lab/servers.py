"""Servers of their own process for the page: the pocket model, or a scripted one."""

import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.server.command_line import ROOT

_START_SECONDS = 120
"""For a busy machine; the pocket model takes ten on an idle one."""


@dataclass(slots=True)
class Server:
    """One server at one address, which may be stopped and started again; `python -m` runs `module`."""

    module: tuple[str, ...]
    arguments: tuple[str, ...]
    cache_folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        options = ("--cache-folder", str(self.cache_folder), "--port", str(self.port), *self.arguments)
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *self.module, "serve", *options], cwd=ROOT, stderr=log
            )
        given_up_at = time.monotonic() + _START_SECONDS
        while self.process.poll() is None and time.monotonic() < given_up_at:
            try:
                if httpx.get(f"{self.url}/ready").status_code == 200:
                    return
            except httpx.TransportError:
                pass  # the socket is not bound yet
            time.sleep(0.1)
        self.stop()
        raise RuntimeError(f"the server did not become ready: {self._log.read_text(encoding='utf-8')}")

    @property
    def _log(self) -> Path:
        return self.cache_folder / "stderr.log"

    def stop(self) -> None:
        """At once, as a crash would be."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


def pocket_server(cache_folder: Path, *arguments: str) -> Server:
    return Server(("optiq_server",), arguments, cache_folder, _free_port())


def scripted_server(mode: str, cache_folder: Path, *arguments: str) -> Server:
    return Server(("tests.server.scripted_process", mode), arguments, cache_folder, _free_port())


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
