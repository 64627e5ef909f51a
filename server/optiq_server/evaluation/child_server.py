"""Our own server for the time of an evaluation: `optiq serve` in a process of its own, on any free port."""

import contextlib
import re
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator
from typing import IO, cast

from optiq_server.evaluation.errors import ServerUnusable

POCKET = "pocket"
"""The name of the model that comes with the package."""

_READY = re.compile(r" is ready at (http://\S+)")
_LAST_LINES = 20
_STOP_SECONDS = 30.0


@contextlib.contextmanager
def serving(model: str, concurrency: int) -> Iterator[str]:
    """The base URL of `model`, served until the block ends. Raises ServerUnusable if it does not start."""
    chosen = [] if model == POCKET else ["--model", model]
    options = ["--port", "0", "--max-running", str(concurrency), "--no-store"]
    command = [sys.executable, "-m", "optiq_server", "serve", *chosen, *options]
    # In a session of its own, so that Ctrl-C reaches us alone and we stop it after what is under way.
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True) as process:
        try:
            yield _wait_until_ready(cast(IO[str], process.stderr), model)
        finally:
            _stop(process)


def _wait_until_ready(stderr: IO[str], model: str) -> str:
    said: deque[str] = deque(maxlen=_LAST_LINES)
    for line in stderr:
        ready = _READY.search(line)
        if ready is not None:
            # A pipe that nobody reads would stop the server once it is full.
            threading.Thread(target=_drain, args=(stderr,), daemon=True).start()
            return ready[1]
        said.append(line.rstrip())
    raise ServerUnusable(f"`optiq serve --model {model}` did not start: " + " | ".join(said))


def _drain(stderr: IO[str]) -> None:
    with contextlib.suppress(ValueError):  # closed while we read: the server has gone
        for _ in stderr:
            pass


def _stop(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
