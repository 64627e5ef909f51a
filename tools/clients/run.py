"""Runs one client on its task, in a temporary home, against the scripted server; says what came of it."""

import asyncio
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from optiq_harmony.vocabulary import Vocabulary
from tools.clients.actor import Actor
from tools.clients.client import FILE_NAME, GREETING, Client
from tools.clients.recorder import Exchange
from tools.clients.scripted_server import scripted_server

_TIME_LIMIT = 180.0
"""In seconds. A client takes two; a cold start from a slow disk takes longer."""

_OK = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a client did. It has passed if there are no `failures`; `talk` is what it printed."""

    failures: Sequence[str]
    exchanges: Sequence[Exchange]
    prompt_tokens: Sequence[int]
    seconds: float
    talk: str
    folder: Path
    """Where it ran; gone by now, but named in what it sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Exit:
    code: int | None
    """None if it had to be stopped."""
    stdout: str
    stderr: str


async def complete_task(client: Client, commands: Path, vocabulary: Vocabulary) -> Report:
    """Let the client, one of `commands`, do its task."""
    with tempfile.TemporaryDirectory(prefix="optiq-clients-") as name:
        folder = Path(name).resolve()
        project = folder / "project"
        project.mkdir()
        task = client.task(project)
        actor = Actor(vocabulary, task)
        async with scripted_server(vocabulary, actor) as server:
            _configure(client, folder, server.url)
            started = time.monotonic()
            left = await _run(client, commands, folder, [*client.arguments, task.prompt])
            seconds = time.monotonic() - started
        failures = [
            *_failures_of_run(left, task.answer),
            *_failures_of_task(project / FILE_NAME, actor.tool_results),
            *_failures_of_exchanges(client, server.exchanges),
        ]
        return Report(
            failures=failures,
            exchanges=server.exchanges,
            prompt_tokens=actor.prompt_tokens,
            seconds=seconds,
            talk=left.stdout + left.stderr,
            folder=folder,
        )


def _configure(client: Client, home: Path, url: str) -> None:
    path = home / client.configuration_path
    path.parent.mkdir(parents=True)
    path.write_text(client.configuration(f"{url}/v1"))


async def _run(client: Client, commands: Path, home: Path, arguments: Sequence[str]) -> _Exit:
    """Nothing of this environment but the PATH reaches the client: no keys, no settings of the user's."""
    process = await asyncio.create_subprocess_exec(
        commands / client.name,
        *arguments,
        cwd=home / "project",
        env={"HOME": str(home), "PATH": os.environ["PATH"], "TZ": "UTC", **client.environment},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    talk = asyncio.create_task(process.communicate())
    done, _ = await asyncio.wait({talk}, timeout=_TIME_LIMIT)
    if not done:
        process.terminate()
    stdout, stderr = await talk
    return _Exit(code=process.returncode if done else None, stdout=stdout.decode(), stderr=stderr.decode())


def _failures_of_run(left: _Exit, answer: str) -> Iterator[str]:
    if left.code is None:
        yield f"it was not done after {_TIME_LIMIT:.0f} s"
    elif left.code != 0:
        yield f"it ended with exit code {left.code}"
    if answer not in left.stdout:
        yield f"it did not print the answer, {answer!r}"


def _failures_of_task(file: Path, tool_results: Sequence[str]) -> Iterator[str]:
    if not file.exists():
        yield f"there is no {file.name}"
    elif file.read_text() != f"{GREETING}\n":
        yield f"{file.name} holds {file.read_text()!r}"
    if not tool_results or GREETING not in tool_results[-1]:
        yield f"the file's text did not come back from the last call; the results were {list(tool_results)}"


def _failures_of_exchanges(client: Client, exchanges: Sequence[Exchange]) -> Iterator[str]:
    if not any(exchange.path == client.endpoint for exchange in exchanges):
        yield f"it never asked {client.endpoint}"
    for exchange in exchanges:
        if exchange.status != _OK:
            yield f"{exchange.method} {exchange.path} was answered with {exchange.status}"
