"""One program in a process group of its own: started, listened to, interrupted, ended. Knows no jobs.

The group ends with its first process: what that one has started and left behind is killed.
"""

import asyncio
import os
import signal
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from optiq_server.jobs.talk import LineReader

_PIECE_BYTES = 1 << 16

GRACE_SECONDS = 10.0
"""Between the request to end and the end by force: time to write down what was measured."""


class JobProcess:
    """Made by `start_process`."""

    def __init__(self, process: Process, said: asyncio.StreamReader) -> None:
        self._process = process
        self._said = said

    async def wait(self, on_line: Callable[[str], None]) -> int:
        """Its exit code, once it and its group have ended. `on_line` is told each line of stderr before."""
        listening = asyncio.create_task(self._listen(on_line), name="listen to a job")
        code = await self._process.wait()
        # The group is the one of its first process, and may outlive it.
        self._signal_group(signal.SIGKILL)
        await listening
        return code

    async def end(self, grace: float = GRACE_SECONDS) -> None:
        """Ask it to end, and make it after `grace` seconds. Somebody else must be in `wait`."""
        self._signal_group(signal.SIGINT)
        with suppress(TimeoutError):
            async with asyncio.timeout(grace):
                await self._process.wait()
                return
        self._signal_group(signal.SIGKILL)

    async def _listen(self, on_line: Callable[[str], None]) -> None:
        reader = LineReader()
        while piece := await self._said.read(_PIECE_BYTES):
            for line in reader.feed(piece):
                on_line(line)
        for line in reader.finish():
            on_line(line)

    def _signal_group(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError, PermissionError):
            # macOS says that it is not permitted where all of the group are dead and not yet waited for.
            os.killpg(self._process.pid, number)


async def start_process(
    command: Sequence[str], *, environment: Mapping[str, str], result: Path
) -> JobProcess:
    """Start `command`, whose stdout goes to the file `result`. Raises OSError."""
    # A pipe of our own: asyncio takes a process for running as long as anybody has one of its pipes open.
    reading, writing = os.pipe()
    said = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(said), os.fdopen(reading, "rb")
    )
    try:
        with result.open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=DEVNULL,
                stdout=output,
                stderr=writing,
                env=dict(environment),
                start_new_session=True,
            )
    finally:
        # The reading end closes by itself, with the last process that has the other one.
        os.close(writing)
    return JobProcess(process, said)
