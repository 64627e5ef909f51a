"""The command line in a process of its own, over a scripted model: started, waited for, read."""

import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

PATIENCE_SECONDS = 60
"""For a broken server; a working one takes two seconds."""

Start = Callable[..., subprocess.Popen[str]]


def start(cache_folder: Path, mode: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [
            *(sys.executable, "-m", "tests.server.scripted_process", mode),
            *("serve", "--cache-folder", str(cache_folder), *arguments),
        ],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stderr is not None
    return process.stderr.readline()


def url_in(ready_line: str) -> str:
    return ready_line.partition(" at ")[2].partition("/v1")[0]


def wait_until_refused(url: str) -> None:
    """Return once nobody listens there any more."""
    host, port = url.removeprefix("http://").split(":")
    given_up_at = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < given_up_at:
        try:
            socket.create_connection((host, int(port)), timeout=1).close()
        except ConnectionRefusedError:
            return
        except TimeoutError:
            # It came between listening and not: the next one is answered.
            continue
        # Not as fast as it goes, or the ones that nobody accepts fill the queue.
        time.sleep(0.05)
    raise TimeoutError(f"{url} still listens after {PATIENCE_SECONDS} s")
