"""A client that goes away takes its generation with it, whatever the server was doing for it."""

import asyncio
import json
from collections.abc import Callable

import pytest

from optiq_server.engine.scripted_backend import Script
from tests.server.conftest import RunningServer, Serve
from tests.server.doubles import Replies, unhurried

_NEVER = 10**9
"""Steps, or tokens, that a test never reaches."""


_ASKED: dict[str, dict[str, object]] = {
    "/v1/chat/completions": {"messages": [{"role": "user", "content": "hi"}]},
    "/v1/completions": {"prompt": "hi", "max_tokens": _NEVER},
    "/v1/messages": {"messages": [{"role": "user", "content": "hi"}], "max_tokens": _NEVER},
    "/v1/responses": {"input": "hi"},
}


async def _post(
    server: RunningServer, *, stream: bool, path: str = "/v1/chat/completions"
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Send a request on a socket of its own."""
    host, port = server.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    body = json.dumps({**_ASKED[path], "stream": stream}).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
    writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
    await writer.drain()
    return reader, writer


async def _until(holds: Callable[[], bool]) -> None:
    """The limit is for a broken server; a working one is here at once."""
    async with asyncio.timeout(20):
        while not holds():
            await asyncio.sleep(0.005)


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "body"])
@pytest.mark.parametrize("prefill_steps", [_NEVER, 1], ids=["prefill", "decode"])
@pytest.mark.parametrize("path", _ASKED)
async def test_a_client_that_leaves_frees_its_sequence(
    serve: Serve, replies: Replies, *, stream: bool, prefill_steps: int, path: str
) -> None:
    backend = unhurried(Script(tokens=replies.endless_final(), prefill_steps=prefill_steps))
    async with serve(lambda: backend) as server:
        _, writer = await _post(server, stream=stream, path=path)
        await _until(lambda: len(backend.inserted) == 1)

        writer.close()

        await _until(lambda: backend.inserted == ())
        await _until(lambda: server.engine.open_generations == 0)


async def test_one_that_leaves_does_not_disturb_another(serve: Serve, replies: Replies) -> None:
    backend = unhurried(
        Script(tokens=replies.endless_final()), Script(tokens=replies.final("here"), prefill_steps=50)
    )
    async with serve(lambda: backend) as server:
        _, writer = await _post(server, stream=True)
        await _until(lambda: len(backend.inserted) == 1)
        other = asyncio.create_task(
            server.openai.chat.completions.create(model="m", messages=[{"role": "user", "content": "hi"}])
        )
        await _until(lambda: len(backend.inserted) == 2)

        writer.close()

        assert (await other).choices[0].message.content == "here"
        await _until(lambda: backend.inserted == ())


async def test_a_stream_that_is_abandoned_after_some_events_is_freed(serve: Serve, replies: Replies) -> None:
    backend = unhurried(Script(tokens=replies.endless_final()))
    async with serve(lambda: backend) as server:
        stream = await server.openai.chat.completions.create(
            model="m", messages=[{"role": "user", "content": "hi"}], stream=True
        )
        await anext(aiter(stream))

        await stream.close()

        await _until(lambda: backend.inserted == ())
